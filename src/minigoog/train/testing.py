"""Testing during training: the accuracy on the test images, with the current weights or with their average."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from .. import features, losses, metrics
from ..array_types import Array, IntArray
from ..data import DataLoader
from ..nn import Module
from ..tensor import Tensor, no_grad
from .setup import Setup

BATCH = 256  # images


class Tested(NamedTuple):
    """On the test images: the mean loss, the accuracy (0 to 1), and the class found for each."""

    loss: float
    accuracy: float
    predicted: IntArray


def test(model: Module, setup: Setup, workers: int) -> Tested:
    """The test result of the current weights."""
    logits = predict(model, setup, workers)
    loss = losses.cross_entropy(Tensor(logits), setup.test.labels).item()
    return Tested(loss, 1 - metrics.top_k_error(logits, setup.test.labels), logits.argmax(axis=1))


def predict(model: Module, setup: Setup, workers: int) -> Array:
    """Logits of the test images: [n, classes]."""
    large = setup.classifier is not None  # a trained network: to compile it pays
    loader = DataLoader(setup.test, features.BATCH if large else BATCH, num_workers=workers, transform=setup.test_transform)
    model.eval()
    if large:
        return np.concatenate(list(features.outputs(model, (images for images, _ in loader))))
    with no_grad():
        return np.concatenate([model(Tensor(images)).data for images, _ in loader])


@contextmanager
def weights(model: Module, arrays: dict[str, Array]) -> Iterator[None]:
    """Within a with-block, `model` has the weights `weights`."""
    own = {name: array.copy() for name, array in model.state_dict().items()}
    model.load_state_dict(arrays)
    try:
        yield
    finally:
        model.load_state_dict(own)
