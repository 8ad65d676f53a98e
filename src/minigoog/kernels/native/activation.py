"""Elementwise: activations, sum (csrc/elementwise.c)."""

from typing import Any

from minigoog._native import ffi, lib

from ...array_types import Array
from ...checks import check_array, check_out, check_real
from . import machine, workspace
from .pointers import check_float32, pixels

KINDS = {"leaky_relu": lib.MG_LEAKY_RELU, "relu": lib.MG_RELU, "tanh": lib.MG_TANH}  # name of the function -> enum mg_activation


def _activation(
    where: str, kind: int, x: Array, out: Array | None = None, alpha: float = 0, beta: float = 0, in_place: bool = True
) -> Array:
    """The activation `kind` of `x`, of any shape. in_place: whether `out` may be `x`."""
    check_float32(where, "x", x)
    y = workspace.empty(x.shape) if out is None else check_out(where, out, x.shape, x.dtype, elementwise=in_place, x=x)
    settings, x_pointer, y_pointer = _rows(where, kind, alpha, beta, x=x, out=y)
    lib.mg_activation(settings, x_pointer, y_pointer, machine.current())
    return y


def _backward(where: str, kind: int, kept: Array, dy: Array, alpha: float = 0, beta: float = 0, name: str = "y") -> Array:
    """The gradient of `_activation` from the array that forward keeps; `name`: "y" if it is the output, "x" if it is the input."""
    check_float32(where, name, kept)
    check_array(where, "dy", dy, dtype=kept.dtype, shape=kept.shape)
    dx = workspace.empty(kept.shape)
    settings, *pointers = _rows(where, kind, alpha, beta, **{name: kept}, dy=dy, dx=dx)
    lib.mg_activation_backward(settings, *pointers, machine.current())
    return dx


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


def relu_backward(y: Array, dy: Array) -> Array:
    """Gradient of ReLU: `dy` where its output `y` is not 0."""
    return _backward("relu_backward", lib.MG_RELU, y, dy)


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


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a + b, of one shape; `out` may be one of them."""
    check_float32("add", "a", a)
    check_array("add", "b", b, dtype=a.dtype, shape=a.shape)
    y = workspace.empty(a.shape) if out is None else check_out("add", out, a.shape, a.dtype, elementwise=True, a=a, b=b)
    settings, *pointers = _rows("add", 0, 0, 0, a=a, b=b, out=y)
    lib.mg_add(settings, *pointers, machine.current())
    return y
