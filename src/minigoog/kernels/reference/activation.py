"""Element by element: activations, sum."""

import numpy as np

from ...array_types import Array
from ...checks import check_array, check_out, check_real


def relu(x: Array, *, out: Array | None = None) -> Array:
    """max(0, x), of any shape; a NaN stays. `out` may be `x`."""
    check_array("relu", "x", x)
    y = np.empty_like(x) if out is None else check_out("relu", out, x.shape, x.dtype, elementwise=True, x=x)
    return np.maximum(x, 0, out=y)


def relu_backward(y: Array, dy: Array) -> Array:
    """Gradient of ReLU: `dy` where its output `y` is not 0."""
    check_array("relu_backward", "y", y)
    check_array("relu_backward", "dy", dy, dtype=y.dtype, shape=y.shape)
    return np.where(y <= 0, y.dtype.type(0), dy)


def tanh(x: Array, gain: float, slope: float) -> Array:
    """gain * tanh(slope * x): LeNet-5's squashing function with gain 1.7159 and slope 2/3 (LeCun 1998, appendix A)."""
    check_array("tanh", "x", x)
    gain, slope = check_real("tanh", "gain", gain), check_real("tanh", "slope", slope)
    return np.asarray(x.dtype.type(gain) * np.tanh(x.dtype.type(slope) * x))


def tanh_backward(y: Array, dy: Array, gain: float, slope: float) -> Array:
    """Gradient of `tanh` from its output: d/dx = slope * (gain - y^2 / gain)."""
    check_array("tanh_backward", "y", y)
    check_array("tanh_backward", "dy", dy, dtype=y.dtype, shape=y.shape)
    gain, slope = check_real("tanh_backward", "gain", gain), check_real("tanh_backward", "slope", slope)
    return np.asarray(dy * y.dtype.type(slope) * (y.dtype.type(gain) - y * y / y.dtype.type(gain)))


def leaky_relu(x: Array, negative_slope: float, *, out: Array | None = None) -> Array:
    """`x` where it is above 0, else negative_slope * x; of any shape. `out` must not overlap `x`, which the gradient needs."""
    check_array("leaky_relu", "x", x)
    y = np.empty_like(x) if out is None else check_out("leaky_relu", out, x.shape, x.dtype, x=x)
    slope = x.dtype.type(check_real("leaky_relu", "negative_slope", negative_slope))
    y[...] = np.where(x > 0, x, slope * x)
    return y


def leaky_relu_backward(x: Array, dy: Array, negative_slope: float) -> Array:
    """Gradient of `leaky_relu` from its input: `dy` where `x` is above 0, else negative_slope * dy."""
    check_array("leaky_relu_backward", "x", x)
    check_array("leaky_relu_backward", "dy", dy, dtype=x.dtype, shape=x.shape)
    slope = x.dtype.type(check_real("leaky_relu_backward", "negative_slope", negative_slope))
    return np.where(x > 0, dy, slope * dy)


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a + b, of one shape; `out` may be one of them."""
    check_array("add", "a", a)
    check_array("add", "b", b, dtype=a.dtype, shape=a.shape)
    y = np.empty_like(a) if out is None else check_out("add", out, a.shape, a.dtype, elementwise=True, a=a, b=b)
    return np.add(a, b, out=y)
