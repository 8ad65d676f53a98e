"""State dicts of PyTorch for a network of ours: the same names, other layouts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_types import Array, Shape
from ..formats.foreign import BATCH_NORM, check_names, flattened_hwc, float32, folded, numbers
from ..nn import Module
from ..nn.module import check_module
from ..text import listed

WHERE = "load_state"
NORMS = ("norm", "bn")  # names of a BatchNorm beside a convolution `conv`
EPSILON = 1e-5  # of PyTorch's BatchNorm2d
# Linear layers of our models that read a flattened map of more than one pixel, (height, width, channels): PyTorch flattens it channel
# by channel, this package pixel by pixel.
FLATTENED = {"fc6": (6, 6, 256), "aux_4a.hidden": (4, 4, 128), "aux_4d.hidden": (4, 4, 128)}

State = Mapping[str, NDArray[Any]]


def load_state(model: Module, state: State, epsilon: float = EPSILON, flattened: Mapping[str, tuple[int, int, int]] = FLATTENED) -> None:
    """Fills `model` from a state dict with its names: of PyTorch (OIHW, [out, in]), or, if only that fits, in our layout.

    A convolution without BatchNorm here whose state dict has one (`conv1.conv`, `conv1.bn`) gets it folded in, with `epsilon`.
    `flattened`: names of linear layers that read a flattened map, and its (height, width, channels). ValueError that names what is
    missing, unknown, or of another shape; then nothing is changed."""
    model.load_state_dict(converted(check_module(WHERE, "model", model), state, epsilon, flattened))


def converted(
    model: Module, state: State, epsilon: float = EPSILON, flattened: Mapping[str, tuple[int, int, int]] = FLATTENED
) -> dict[str, Array]:
    """The arrays of a state dict for `model`, with its names and in our layout."""
    own = {name: array.shape for name, array in model.state_dict().items()}
    sources = {name: _source(name, own, state) for name in own}
    check_names(WHERE, state, _read(sources, own, state), "num_batches_tracked")
    if _is_ours(own, sources, state):
        return {name: float32(WHERE, theirs, numbers(WHERE, theirs, state[theirs], len(own[name]))) for name, theirs in sources.items()}
    found: dict[str, Array] = {}
    for name, theirs in sources.items():
        if name not in found:
            found |= _converted(name, theirs, own, state, epsilon, flattened)
    _check_shapes(own, found, sources)
    return found


def _source(name: str, own: Mapping[str, Shape], state: State) -> str:
    """The name in the state dict of what is `name` here."""
    module, _, part = name.rpartition(".")
    layer, _, last = module.rpartition(".")
    if name in state or not isinstance(state, Mapping):
        return name
    if last == "norm" and f"{layer}.bn.{part}" in state:
        return f"{layer}.bn.{part}"
    if f"{module}.conv.weight" in state and len(own.get(f"{module}.weight", ())) == 4:
        return f"{module}.conv.weight" if part == "weight" else f"{module}.{_norm(module, state)}.bias"
    return name


def _norm(module: str, state: State) -> str:
    """The name of the BatchNorm beside `module`.conv."""
    return next((norm for norm in NORMS if f"{module}.{norm}.bias" in state), NORMS[0])


def _read(sources: Mapping[str, str], own: Mapping[str, Shape], state: State) -> set[str]:
    """All names that the state dict must have."""
    expected = set(sources.values())
    for name, theirs in sources.items():
        if _is_folded(name, theirs):
            module = name.removesuffix(".weight")
            expected |= {f"{module}.{_norm(module, state)}.{part}" for part in BATCH_NORM}
    return expected


def _is_folded(name: str, theirs: str) -> bool:
    """True for the weights of a convolution that has a BatchNorm only there."""
    return theirs == f"{name.removesuffix('.weight')}.conv.weight" and theirs != name


def _is_ours(own: Mapping[str, Shape], sources: Mapping[str, str], state: State) -> bool:
    """True if the shapes fit as they are, and not in PyTorch's layout."""
    shapes = {name: np.shape(state[theirs]) for name, theirs in sources.items()}
    return shapes == dict(own) and any(_torch_shape(shape) != shape for shape in own.values())


def _torch_shape(shape: Shape) -> Shape:
    """PyTorch's layout of an array of ours of this shape."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]


def _converted(
    name: str, theirs: str, own: Mapping[str, Shape], state: State, epsilon: float, flattened: Mapping[str, tuple[int, int, int]]
) -> dict[str, Array]:
    """One array in our layout; for a convolution with a BatchNorm that we do not have, its weights and bias."""
    module = name.rpartition(".")[0]
    if _is_folded(name, theirs):
        weight, bias = folded(WHERE, state, f"{module}.conv", f"{module}.{_norm(module, state)}", epsilon)
        return {name: weight, f"{module}.bias": bias}
    array = float32(WHERE, theirs, numbers(WHERE, theirs, state[theirs], len(own[name])))
    if array.ndim == 4:
        return {name: np.ascontiguousarray(array.transpose(2, 3, 1, 0))}
    if array.ndim == 2:
        shape = flattened.get(module, (1, 1, array.shape[1]))
        return {name: flattened_hwc(array, shape) if np.prod(shape) == array.shape[1] else np.ascontiguousarray(array.T)}
    return {name: array}


def _check_shapes(own: Mapping[str, Shape], found: Mapping[str, Array], sources: Mapping[str, str]) -> None:
    """Raises ValueError that names arrays of other shapes than the model's."""
    wrong = []
    for name, shape in own.items():
        if found[name].shape != shape:
            wrong.append(f"`{sources[name]}` has shape {_torch_shape(found[name].shape)}, expected {_torch_shape(shape)}")
    if wrong:
        raise ValueError(f"{WHERE}: {listed(wrong, 5, 140)}")
