"""Testing during training: the accuracy on the test images, with the current weights or with their average."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from .. import features, kernels, losses, metrics
from ..array_types import Array, IntArray
from ..data import DataLoader
from ..nn import Module
from ..parallel import Communicator
from ..parallel.deal import Part, blocks
from ..tensor import Tensor, no_grad
from .config import Config
from .progress import Progress
from .pruning import times
from .setup import Setup

BATCH = 256  # images


class Tested(NamedTuple):
    """On the test images: the mean loss, the accuracy (0 to 1), and the logits [n, classes]."""

    loss: float
    accuracy: float
    logits: Array

    @property
    def predicted(self) -> IntArray:
        """The class found for each image."""
        found: IntArray = self.logits.argmax(axis=1)
        return found

    @property
    def sureness(self) -> Array:
        """The probability of that class."""
        found: Array = kernels.softmax(self.logits).max(axis=1)
        return found


def due(config: Config, epoch: int) -> bool:
    """Whether the weights of this epoch are tested and written."""
    kept = config.keep_every > 0 and epoch % config.keep_every == 0
    return epoch % config.test_every == 0 or epoch == config.epochs or kept or config.prune > 0


def stands_still(config: Config, at: Progress) -> bool:
    """Whether a run ends here because its accuracy has not risen in the last `stop_after` epochs, of those after the last weights were
    pruned; after an epoch without a test, never."""
    since = max(at.best_epoch, config.start_epoch, times(config)[1] if config.prune else 0)
    return config.stop_after > 0 and at.step == 0 and due(config, at.epoch) and at.epoch - since >= config.stop_after


def test(model: Module, setup: Setup, workers: int, ranks: Communicator) -> Tested:
    """The test result of the current weights."""
    logits = predict(model, setup, workers, ranks)
    loss = losses.cross_entropy(Tensor(logits), setup.test.labels).item()
    return Tested(loss, 1 - metrics.top_k_error(logits, setup.test.labels), logits)


def predict(model: Module, setup: Setup, workers: int, ranks: Communicator) -> Array:
    """Logits of the test images: [n, classes]. Each process computes some of the batches, which are the same for any number of them."""
    large = setup.classifier is not None  # a trained network: to compile it pays
    size, n = features.BATCH if large else BATCH, len(setup.test)
    parts = blocks(n, size, ranks)
    own = Part(setup.test, parts[ranks.rank])
    loader = DataLoader(own, size, num_workers=workers, transform=setup.test_transform)
    model.eval()
    found = _logits(model, (images for images, _ in loader) if len(own) else iter(()), large)
    return ranks.rows("the test", np.concatenate(found) if found else np.empty((0, 0), np.float32), list(map(len, parts)))


def _logits(model: Module, batches: Iterator[Array], large: bool) -> list[Array]:
    if large:
        return list(features.outputs(model, batches))
    with no_grad():
        return [model(Tensor(images)).data for images in batches]


@contextmanager
def weights(model: Module, arrays: dict[str, Array]) -> Iterator[None]:
    """Within a with-block, `model` has the weights `weights`."""
    own = {name: array.copy() for name, array in model.state_dict().items()}
    model.load_state_dict(arrays)
    try:
        yield
    finally:
        model.load_state_dict(own)
