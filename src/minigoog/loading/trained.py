"""A loaded network with all that its use on photographs needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .. import kernels
from ..array_types import Array
from ..checks import check_int
from ..compile import compile as compile_model
from ..data.preprocess import Photograph, Preprocess, several
from ..formats.saved_model import Info
from ..nn import Module, evaluation_mode
from ..tensor import Tensor, no_grad, recording
from ..text import printable, shape_text

BATCH = 32  # images that go through the network together
_CLASSES: dict[type[Module], type[Module]] = {}
Ranking: TypeAlias = list[tuple[str, float]]  # the likeliest classes of an image and their probabilities


class TrainedModel(Module):
    """What `load` returns: the network itself (isinstance says so too), with these attributes and methods.

    classes      the name of each class; () if it is no classifier
    preprocess   a Preprocess: images to the network's input
    info         what was or will be saved with the weights (`formats.saved_model.Info`)
    path         the file"""

    classes: tuple[str, ...]
    preprocess: Preprocess
    info: Info
    path: Path

    @property
    def gives_probabilities(self) -> bool:
        """Whether the network ends with a Softmax, as some imported ones do."""
        facts = vars(self)
        return bool(facts.get("ends_with_softmax")) and not facts.get("logits")

    def predict(self, images: Photograph | Sequence[Photograph], top: int = 5) -> Ranking | list[Ranking]:
        """The `top` likeliest classes of an image, [(class, probability), ...]; of several images, a list of these.

        An image is a file, or an array uint8 [h, w] or [h, w, 1 or 3]; several are a list, or an array [n, h, w, c]. ValueError if the
        network is no classifier."""
        check_int("predict", "top", top, 1)
        found = [self.ranking(row, top) for row in self.probabilities(images)]
        return found if several(images) else found[0]

    def probabilities(self, images: Photograph | Sequence[Photograph]) -> Array:
        """The probability of each class, float32 [n, classes], of one image or several; ValueError if the network is no classifier."""
        listed: Sequence[Any] = images if several(images) else [images]  # type: ignore[assignment]
        run, found = runner(self), [np.zeros((0, len(self.classes)), np.float32)]
        for start in range(0, len(listed), BATCH):
            found.append(run(self.preprocess(listed[start : start + BATCH])))
        return np.concatenate(found)

    def ranking(self, probabilities: Array, top: int) -> Ranking:
        """The `top` likeliest classes, from the probabilities [classes] of an image."""
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [(self.classes[i], float(probabilities[i])) for i in order]

    def scores(self, result: Any) -> Array:
        """The probabilities [n, classes] in what the network returned, a Tensor or array, or several."""
        several = result if isinstance(result, tuple) else (result,)
        arrays = [each.data if isinstance(each, Tensor) else each for each in several]
        flat = [a.reshape(len(a), -1) for a in arrays if a.ndim in (2, 4) and a.shape[1:-1] in ((), (1, 1))]
        fitting = [a for a in flat if a.shape[1] == len(self.classes)]
        if not fitting:
            shapes = ", ".join(shape_text(a.shape) for a in arrays)
            raise ValueError(f"{printable(self.path)}: no classifier: for a batch it gives {shapes}, expected a score for each class")
        return fitting[0] if self.gives_probabilities else kernels.softmax(np.ascontiguousarray(fitting[0]))

    def __reduce__(self) -> tuple[Any, ...]:  # its class is made at run time, where pickle would not find it
        return _blank, (type(self).__bases__[1],), vars(self)


def trained(network: Module, **attributes: Any) -> TrainedModel:
    """The network as a TrainedModel, in evaluation mode."""
    network.__class__ = trained_class(type(network))
    vars(network).update(attributes)
    assert isinstance(network, TrainedModel)
    return network.eval()


def trained_class(kind: type[Module]) -> type[Module]:
    """The class of this name that is both a TrainedModel and `kind`."""
    if kind not in _CLASSES:
        _CLASSES[kind] = type(kind.__name__, (TrainedModel, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})
    return _CLASSES[kind]


def _blank(kind: type[Module]) -> Module:
    made = trained_class(kind)
    return made.__new__(made)


def runner(model: TrainedModel, batch_invariant: bool = False) -> Callable[[Array], Array]:
    """A function from the network's input [n, h, w, c] to probabilities [n, classes]: compiled for the size of the first batch of
    several images, eager for any other; if `batch_invariant`, compiled for each size."""
    plans: dict[tuple[int, ...], Any] = {}

    def run(x: Array) -> Array:
        if kernels.native and (x.shape not in plans if batch_invariant else not plans and len(x) > 1):
            with recording():
                plans[x.shape] = compile_model(model, x.shape, algorithm="batch_invariant" if batch_invariant else "auto")
        if x.shape in plans:
            return model.scores(plans[x.shape](x))
        with no_grad(), evaluation_mode(model):
            return model.scores(model(Tensor(x)))

    return run
