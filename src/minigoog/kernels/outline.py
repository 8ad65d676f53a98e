"""Kernels that compute nothing for maps whose values are not known: results have the right shape, and no memory.

`compile` runs a model on these once, to record its operations. What is computed from known arrays, the weights, is computed as usual."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..array_types import Array, Shape
from .shapes import check_conv_arrays, conv_shape, pool_shape

NOTHING = np.zeros((), np.float32)  # the memory of all unknown arrays


def unknown(shape: Shape) -> Array:
    """An array of `shape` that takes no memory: all its values are one."""
    return np.ndarray(shape, np.float32, NOTHING, strides=(0,) * len(shape))


def _is_unknown(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.base is NOTHING


def _conv2d(x: Array, w: Array, b: Array | None = None, *, relu: bool = False, algorithm: str = "", **window: Any) -> Shape:
    check_conv_arrays("conv2d", x, w, b, relu)
    return conv_shape("conv2d", x.shape, w.shape, **{"stride": 1, "padding": 0, "groups": 1} | window).y


def _linear(x: Array, w: Array, b: Array | None = None, *, relu: bool = False) -> Shape | None:
    check_conv_arrays("linear", x, w, b, relu)
    return (len(x), w.shape[1]) if x.ndim == w.ndim == 2 and x.shape[1] == w.shape[0] else None


def _add(a: Array, b: Array) -> Shape | None:
    return a.shape if a.shape == b.shape else None


def _pool(x: Array, kernel_size: Any, *, stride: Any = None, padding: Any = 0, with_index: bool = True, **window: Any) -> Shape:
    return pool_shape("pool", x.shape, kernel_size, stride, padding, **window).y


def _global(x: Array) -> Shape | None:
    return (x.shape[0], x.shape[3]) if x.ndim == 4 and x.size else None


def _same(x: Array, *settings: Any) -> Shape:
    return x.shape


SHAPES: dict[str, Callable[..., Shape | None]] = {
    "add": _add, "avg_pool2d": _pool, "conv2d": _conv2d, "global_avg_pool2d": _global, "linear": _linear, "max_pool2d": _pool,
} | dict.fromkeys(("clip", "elu", "hard_sigmoid", "hard_swish", "leaky_relu", "relu", "sigmoid", "silu", "tanh"), _same)  # fmt: skip


def outlined(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel `function`, which computes nothing if one of its first two arguments is unknown."""
    shape_of = SHAPES.get(name)

    def outline(*arrays: Any, out: Array | None = None, **settings: Any) -> Any:
        shape = shape_of(*arrays, **settings) if shape_of and any(map(_is_unknown, arrays[:2])) else None
        if shape is None:
            known = [np.zeros(a.shape, a.dtype) if _is_unknown(a) else a for a in arrays]
            return function(*known, **settings, **({} if out is None else {"out": out}))
        y = unknown(shape) if out is None else out
        return (y, None) if name == "max_pool2d" else y

    return outline


def of(kernels: ModuleType, names: list[str]) -> dict[str, Callable[..., Any]]:
    """The kernels `names`, which compute nothing for unknown arrays."""
    return {name: outlined(name, getattr(kernels, name)) for name in names}
