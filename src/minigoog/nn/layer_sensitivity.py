"""How much a network suffers when one of its layers is pruned, and which densities that suggests under a budget of multiply-adds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..array_types import Array, BoolArray, IntArray
from ..checks import check_array, check_int, check_real
from ..op import Op
from ..ops.conv import Conv2d
from ..ops.linear import Linear
from ..tape import Tape
from ..tensor import Tensor, no_grad, recording
from ..text import aligned
from .module import Module, Parameter, check_module, evaluation_mode
from .pruning import largest, n_of_m, prunable

DENSITIES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6)
BATCH = 32  # images that go through the network together


class Sensitivity(NamedTuple):
    """What `sensitivity` measured; print it for a table.

    errors          layer -> {density: error}; 1 for all of its weights, where the error is 0
    multiply_adds   of each layer for one image, with all of its weights"""

    errors: dict[str, dict[float, float]]
    multiply_adds: dict[str, int]

    def densities(self, budget: float) -> dict[str, float]:
        """A density for each layer, with a small sum of errors and at most the share `budget` of all multiply-adds; for `prune`.

        From the smallest densities on, it takes the step that lowers the error most for a multiply-add, as long as one fits."""
        left = check_real("densities", "budget", budget, 0, 1) * sum(self.multiply_adds.values())
        chosen = {name: min(errors) for name, errors in self.errors.items()}
        least = sum(self.multiply_adds[name] * density for name, density in chosen.items())
        if least > left:
            lowest = least / sum(self.multiply_adds.values())
            raise ValueError(f"densities: `budget` is {budget:g}, expected at least {lowest:.3g}, that of the smallest densities")
        left -= least
        while steps := self._steps(chosen, left):
            _, name, density = max(steps)
            left -= self.multiply_adds[name] * (density - chosen[name])
            chosen[name] = density
        return chosen

    def _steps(self, chosen: dict[str, float], left: float) -> list[tuple[float, str, float]]:
        """(error that it saves for a multiply-add, layer, density) of each step that fits and saves some."""
        found = []
        for name, errors in self.errors.items():
            for density, error in errors.items():
                more, saved = self.multiply_adds[name] * (density - chosen[name]), errors[chosen[name]] - error
                if 0 < more <= left * (1 + 1e-9) and saved > 0:
                    found.append((saved / more, name, density))
        return found

    def __repr__(self) -> str:
        densities = sorted({density for errors in self.errors.values() for density in errors} - {1.0})
        head = ("layer", "multiply-adds", *(f"{density:g}" for density in densities))
        rows = [(n, f"{self.multiply_adds[n]:,}", *(f"{e[d]:.3g}" for d in densities)) for n, e in self.errors.items()]
        return aligned([head, *rows], right=tuple(range(1, len(head))))


def sensitivity(
    module: Module, images: Array, labels: IntArray | None = None, *, densities: Sequence[float] = DENSITIES,
    block: int = 1, group: int | None = None, keep: Sequence[str] = (), say: Callable[[str], None] | None = None,
) -> Sensitivity:  # fmt: skip
    """Prunes each Conv2d and Linear of `module` alone, to each of `densities`, and measures what that does to its results in evaluation.

    - `images`: calibration images, the network's input, float32 [n, h, w, c]; some dozens are enough
    - `labels`: then the error is what the mean cross-entropy rises by; without them, the mean square of the change of the outputs
      relative to their variance
    - `block`, `group`, `keep`: as in `prune`
    - `say`: called with a line for each layer, as this takes a forward pass of all images for each layer and density

    The network is the same afterwards; no other thread may use it meanwhile."""
    where, model = "sensitivity", check_module("sensitivity", "module", module)
    x = check_array(where, "images", images, ndim=4, dtype=np.float32)
    if labels is not None and len(labels) != len(x):
        raise ValueError(f"{where}: `labels` has {len(labels)} labels, expected {len(x)}")
    shares = [check_real(where, "densities", density, 0, 1) for density in densities]
    layers, counted = prunable(model, keep), _multiply_adds(model, x[:1])
    layers = {name: w for name, w in layers.items() if id(w) in counted and w.shape[-2] % check_int(where, "group", group or 1, 1) == 0}
    if not layers:
        raise ValueError(f"{where}: `module` has no layer that could be pruned")
    before, errors = _outputs(model, x), {}
    for i, (name, w) in enumerate(layers.items()):
        errors[name] = {1.0: 0.0}
        for share in shares:
            mask = n_of_m(w.data, share, group, block) if group else largest(w.data, share, block)
            with _without(w, mask):
                errors[name][share] = _error(before, _outputs(model, x), labels)
        if say:
            say(f"{i + 1} of {len(layers)}: {name}")
    return Sensitivity(errors, {name: counted[id(w)] for name, w in layers.items()})


@contextmanager
def _without(weight: Parameter, mask: BoolArray) -> Iterator[None]:
    """Within a with-block, the weights where `mask` is False are 0."""
    own = weight.data.copy()
    weight.data[~mask] = 0
    weight.mark_written("sensitivity")
    try:
        yield
    finally:
        weight.data[...] = own
        weight.mark_written("sensitivity")


def _outputs(model: Module, images: Array) -> Array:
    """What the network returns (the first, if that is several) for all images: [n, values]."""
    found = []
    with no_grad(), evaluation_mode(model):
        for start in range(0, len(images), BATCH):
            y: Any = model(Tensor(np.ascontiguousarray(images[start : start + BATCH])))
            first = y[0] if isinstance(y, tuple) else y
            found.append(first.data.reshape(len(first.data), -1))
    return np.concatenate(found)


def _error(before: Array, after: Array, labels: IntArray | None) -> float:
    """How much worse the outputs `after` are than those `before`."""
    if labels is not None:
        return float(np.subtract(*(kernels.cross_entropy(y, np.asarray(labels))[0].mean(dtype=np.float64) for y in (after, before))))
    return float(np.square(after - before, dtype=np.float64).mean() / max(before.var(dtype=np.float64), np.finfo(float).tiny))


def _multiply_adds(model: Module, image: Array) -> dict[int, int]:
    """The multiply-adds of one image by id of the weight, in all of its uses; those of a layer that does not run are not there."""
    with recording(), evaluation_mode(model):
        y: Any = model(Tensor(image, requires_grad=True))
    counts: dict[int, int] = {}
    for op in Tape(*(y if isinstance(y, tuple) else (y,))):
        if isinstance(op, (Conv2d, Linear)):
            weight = _origin(op)
            counts[id(weight)] = counts.get(id(weight), 0) + prod(op.y.shape) * prod(weight.shape[:-1])
    return counts


def _origin(op: Op) -> Tensor:
    """The parameter that is an operation's weight, or that its weight is computed from, as with batch normalisation."""
    weight = op.inputs[1]
    while weight.op is not None:
        weight = weight.op.inputs[0]
    return weight
