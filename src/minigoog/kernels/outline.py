"""Kernels that compute nothing for maps whose values are not known: results have the right shape, and no memory.

`compile` runs a model on these once, to record its operations. What is computed from known arrays, the weights, is computed as usual."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..array_types import Array, Shape
from ..modes import Mode
from .shapes import check_conv_arrays, conv_shape, pool_shape

NOTHING = np.zeros((), np.float32)  # the memory of all unknown arrays


def unknown(shape: Shape) -> Array:
    """An array of `shape` that takes no memory: all its values are one."""
    return np.ndarray(shape, np.float32, NOTHING, strides=(0,) * len(shape))


def is_unknown(a: Any) -> bool:
    """Whether `a` is an array from `unknown`."""
    return isinstance(a, np.ndarray) and a.base is NOTHING


class Promises:
    """How many arrays were promised instead of made, and how many went into kernels that need their shapes only."""

    made = kept = 0


LATER = np.ones((), np.float32)  # the memory of all promised arrays
promises: Mode[Promises | None] = Mode("minigoog_promises", None)


def promised(shape: Shape) -> Array:
    """An array that stands for weights of `shape`, and takes no memory."""
    if found := promises.get():
        found.made += 1
    return np.ndarray(shape, np.float32, LATER, strides=(0,) * len(shape))


def _keep(w: Array) -> None:
    """Records that the values of the weights `w` were not needed, if they are promised."""
    if w.base is LATER and (found := promises.get()):
        found.kept += 1


def _conv2d(x: Array, w: Array, b: Array | None = None, *, relu: bool = False, algorithm: str = "", **window: Any) -> Shape:
    check_conv_arrays("conv2d", x, w, b, relu)
    _keep(w)
    return conv_shape("conv2d", x.shape, w.shape, **{"stride": 1, "padding": 0, "groups": 1} | window).y


def _linear(x: Array, w: Array, b: Array | None = None, *, relu: bool = False) -> Shape | None:
    check_conv_arrays("linear", x, w, b, relu)
    if not (x.ndim == w.ndim == 2 and x.shape[1] == w.shape[0]):
        return None
    _keep(w)
    return len(x), w.shape[1]


def _add(a: Array, b: Array) -> Shape | None:
    return a.shape if a.shape == b.shape else None


def _pool(x: Array, kernel_size: Any, *, stride: Any = None, padding: Any = 0, with_index: bool = True, **window: Any) -> Shape:
    return pool_shape("pool", x.shape, kernel_size, stride, padding, **window).y


def _global(x: Array) -> Shape | None:
    return (x.shape[0], x.shape[3]) if x.ndim == 4 and x.size else None


def _same(x: Array, *settings: Any) -> Shape:
    return x.shape


SHAPES: dict[str, Callable[..., Shape | None]] = {
    "add": _add, "avg_pool2d": _pool, "clip": _same, "conv2d": _conv2d, "elu": _same, "global_avg_pool2d": _global,
    "hard_sigmoid": _same, "hard_swish": _same, "leaky_relu": _same, "linear": _linear, "max_pool2d": _pool, "relu": _same,
    "sigmoid": _same, "silu": _same, "softmax": _same, "tanh": _same,
}


def outlined(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel `function`, which computes nothing if one of its first two arguments is unknown."""
    shape_of = SHAPES.get(name)

    def outline(*arrays: Any, out: Array | None = None, **settings: Any) -> Any:
        shape = shape_of(*arrays, **settings) if shape_of and any(map(is_unknown, arrays[:2])) else None
        if shape is None:
            known = [np.zeros(a.shape, a.dtype) if is_unknown(a) else a for a in arrays]
            return function(*known, **settings, **({} if out is None else {"out": out}))
        y = unknown(shape) if out is None else out
        return (y, None) if name == "max_pool2d" else y

    return outline


def of(kernels: ModuleType, names: list[str]) -> dict[str, Callable[..., Any]]:
    """The kernels `names`, which compute nothing for unknown arrays; those without a row in SHAPES take zeros for them."""
    return {name: outlined(name, getattr(kernels, name)) for name in names}
