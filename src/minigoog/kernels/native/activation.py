"""Elementwise: activations, sum (csrc/elementwise.c)."""

from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ...checks import check_array, check_limit, check_out, check_real
from . import machine, workspace
from .pointers import check_float32, dense, pixels

KINDS = {  # name of the function -> enum mg_activation
    "clip": lib.MG_CLIP, "elu": lib.MG_ELU, "hard_sigmoid": lib.MG_HARD_SIGMOID, "hard_swish": lib.MG_HARD_SWISH,
    "leaky_relu": lib.MG_LEAKY_RELU, "relu": lib.MG_RELU, "sigmoid": lib.MG_SIGMOID, "silu": lib.MG_SILU, "tanh": lib.MG_TANH,
}


def _activation(
    where: str, kind: int, x: Array, out: Array | None = None, alpha: float = 0, beta: float = 0, in_place: bool = True
) -> Array:
    """The activation `kind` of `x`, of any shape. in_place: whether `out` may be `x`."""
    check_float32(where, "x", x)
    y = workspace.empty(x.shape) if out is None else check_out(where, out, x.shape, x.dtype, elementwise=in_place, x=x)
    settings, x_pointer, y_pointer = _rows(where, kind, alpha, beta, x=x, out=y)
    lib.mg_activation(settings, x_pointer, y_pointer, machine.current())
    return y


def _backward(
    where: str, kind: int, kept: Array, dy: Array, alpha: float = 0, beta: float = 0, name: str = "y", out: Array | None = None
) -> Array:
    """The gradient of `_activation` from the array that forward keeps; `name`: "y" if it is the output, "x" if it is the input."""
    dx = _gradient(where, name, kept, dy, out)
    settings, *pointers = _rows(where, kind, alpha, beta, **{name: kept}, dy=dy, out=dx)
    lib.mg_activation_backward(settings, *pointers, machine.current())
    return dx


def _gradient(where: str, name: str, kept: Array, dy: Array, out: Array | None) -> Array:
    """Where the gradient from `kept`, whose name is `name`, and `dy` goes."""
    check_float32(where, name, kept)
    check_array(where, "dy", dy, dtype=kept.dtype, shape=kept.shape)
    return workspace.empty(kept.shape) if out is None else check_out(where, out, kept.shape, kept.dtype, elementwise=True, y=kept, dy=dy)


def _rows(where: str, kind: int, alpha: float, beta: float, **arrays: Array) -> list[Any]:
    """struct mg_elementwise of an output (the last of `arrays`) and one or two inputs, and the pointer of each.

    One long row if all are dense, else one row per pixel."""
    found = [pixels(where, name, a if a.ndim else a.reshape(1)) for name, a in arrays.items()]
    *inputs, y = arrays.values()
    if all(a.flags.c_contiguous for a in arrays.values()):
        n_rows, c, lds = 1, y.size, [y.size] * len(found)
    else:
        n_rows, c, lds = y.size // y.shape[-1] if y.size else 0, y.shape[-1], [ld for _, ld in found]
    settings = ffi.new("struct mg_elementwise *", (n_rows, c, lds[0], lds[len(inputs) - 1], lds[-1], kind, alpha, beta))
    return [settings, *(pointer for pointer, _ in found)]


def relu(x: Array, *, out: Array | None = None) -> Array:
    """max(0, x), of any shape; a NaN stays. `out` may be `x`."""
    return _activation("relu", lib.MG_RELU, x, out)


def relu_backward(y: Array, dy: Array, *, out: Array | None = None) -> Array:
    """Gradient of ReLU: `dy` where its output `y` is not 0. `out` may be `y` or `dy`."""
    return _backward("relu_backward", lib.MG_RELU, y, dy, out=out)


def relu_bias_backward(y: Array, dy: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """(dz, db): the gradients of z and b in y = relu(z), z = ... + b, where b [c] is one number for each channel, in one pass: what
    `relu_backward` and `conv2d_bias` compute. `out`, for dz, may be `y` or `dy`."""
    where = "relu_bias_backward"
    check_array(where, "y", y, ndim=(1, 2, 3, 4))
    dz = _gradient(where, "y", y, dy, out)
    pointers, lds = zip(*(pixels(where, name, a) for name, a in (("y", y), ("dy", dy), ("out", dz))), strict=True)
    c = y.shape[-1]
    n_rows = y.size // c if c else 0
    scratch, db = workspace.empty((lib.mg_column_sums_scratch(n_rows, c),)), np.empty(c, np.float32)
    settings = ffi.new("struct mg_elementwise *", (n_rows, c, *lds, lib.MG_RELU, 0, 0))
    lib.mg_relu_sums(settings, *pointers, *(dense(where, "sums", a) for a in (scratch, db)), machine.current())
    return dz, db


def tanh(x: Array, gain: float, slope: float) -> Array:
    """gain * tanh(slope * x): LeNet-5's squashing function with gain 1.7159 and slope 2/3 (LeCun 1998, appendix A)."""
    return _activation("tanh", lib.MG_TANH, x, None, *_gain_and_slope("tanh", gain, slope))


def tanh_backward(y: Array, dy: Array, gain: float, slope: float) -> Array:
    """Gradient of `tanh` from its output: d/dx = slope * (gain - y^2 / gain)."""
    return _backward("tanh_backward", lib.MG_TANH, y, dy, *_gain_and_slope("tanh_backward", gain, slope))


def _gain_and_slope(where: str, gain: float, slope: float) -> tuple[float, float]:
    return check_real(where, "gain", gain), check_real(where, "slope", slope)


def leaky_relu(x: Array, negative_slope: float, *, out: Array | None = None) -> Array:
    """`x` where it is above 0, else negative_slope * x; of any shape. `out` must not overlap `x`, which the gradient needs."""
    slope = check_real("leaky_relu", "negative_slope", negative_slope)
    return _activation("leaky_relu", lib.MG_LEAKY_RELU, x, out, slope, in_place=False)


def leaky_relu_backward(x: Array, dy: Array, negative_slope: float) -> Array:
    """Gradient of `leaky_relu` from its input: `dy` where `x` is above 0, else negative_slope * dy."""
    slope = check_real("leaky_relu_backward", "negative_slope", negative_slope)
    return _backward("leaky_relu_backward", lib.MG_LEAKY_RELU, x, dy, slope, name="x")


def clip(x: Array, low: float, high: float, *, out: Array | None = None) -> Array:
    """min(max(x, low), high), of any shape; a NaN stays. `out` must not overlap `x`, which the gradient needs."""
    return _activation("clip", lib.MG_CLIP, x, out, *_limits("clip", low, high), in_place=False)


def clip_backward(x: Array, dy: Array, low: float, high: float) -> Array:
    """Gradient of `clip` from its input: `dy` where low <= x <= high."""
    return _backward("clip_backward", lib.MG_CLIP, x, dy, *_limits("clip_backward", low, high), name="x")


def _limits(where: str, low: float, high: float) -> tuple[float, float]:
    return check_limit(where, "low", low), check_limit(where, "high", high)


def sigmoid(x: Array, *, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), of any shape. `out` may be `x`."""
    return _activation("sigmoid", lib.MG_SIGMOID, x, out)


def sigmoid_backward(y: Array, dy: Array) -> Array:
    """Gradient of `sigmoid` from its output: dy * y * (1 - y)."""
    return _backward("sigmoid_backward", lib.MG_SIGMOID, y, dy)


def hard_sigmoid(x: Array, alpha: float, beta: float, *, out: Array | None = None) -> Array:
    """min(max(alpha * x + beta, 0), 1), of any shape. `out` must not overlap `x`, which the gradient needs."""
    return _activation("hard_sigmoid", lib.MG_HARD_SIGMOID, x, out, *_alpha_and_beta("hard_sigmoid", alpha, beta), in_place=False)


def hard_sigmoid_backward(x: Array, dy: Array, alpha: float, beta: float) -> Array:
    """Gradient of `hard_sigmoid` from its input: alpha * dy where 0 < alpha * x + beta < 1."""
    where = "hard_sigmoid_backward"
    return _backward(where, lib.MG_HARD_SIGMOID, x, dy, *_alpha_and_beta(where, alpha, beta), name="x")


def _alpha_and_beta(where: str, alpha: float, beta: float) -> tuple[float, float]:
    return check_real(where, "alpha", alpha), check_real(where, "beta", beta)


def hard_swish(x: Array, *, out: Array | None = None) -> Array:
    """x * min(max(x + 3, 0), 6) / 6, of any shape. `out` must not overlap `x`, which the gradient needs."""
    return _activation("hard_swish", lib.MG_HARD_SWISH, x, out, in_place=False)


def hard_swish_backward(x: Array, dy: Array) -> Array:
    """Gradient of `hard_swish` from its input: 0 up to -3, dy * (x / 3 + 1/2) up to 3, then dy."""
    return _backward("hard_swish_backward", lib.MG_HARD_SWISH, x, dy, name="x")


def silu(x: Array, *, out: Array | None = None) -> Array:
    """x * sigmoid(x), of any shape. `out` must not overlap `x`, which the gradient needs."""
    return _activation("silu", lib.MG_SILU, x, out, in_place=False)


def silu_backward(x: Array, dy: Array) -> Array:
    """Gradient of `silu` from its input: dy * s * (1 + x * (1 - s)), s = sigmoid(x)."""
    return _backward("silu_backward", lib.MG_SILU, x, dy, name="x")


def elu(x: Array, alpha: float, *, out: Array | None = None) -> Array:
    """`x` where it is above 0, else alpha * (exp(x) - 1); of any shape. `out` must not overlap `x`, which the gradient needs."""
    return _activation("elu", lib.MG_ELU, x, out, check_real("elu", "alpha", alpha), in_place=False)


def elu_backward(x: Array, dy: Array, alpha: float) -> Array:
    """Gradient of `elu` from its input: `dy` where `x` is above 0, else dy * alpha * exp(x)."""
    return _backward("elu_backward", lib.MG_ELU, x, dy, check_real("elu_backward", "alpha", alpha), name="x")


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a + b, of one shape; `out` may be one of them."""
    check_float32("add", "a", a)
    check_array("add", "b", b, dtype=a.dtype, shape=a.shape)
    y = workspace.empty(a.shape) if out is None else check_out("add", out, a.shape, a.dtype, elementwise=True, a=a, b=b)
    settings, *pointers = _rows("add", 0, 0, 0, a=a, b=b, out=y)
    lib.mg_add(settings, *pointers, machine.current())
    return y
