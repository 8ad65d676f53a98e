"""Element by element: activations, sum."""

import numpy as np

from ...array_types import Array, Scalar
from ...checks import check_array, check_limit, check_out, check_real
from .sums import total


def relu(x: Array, *, out: Array | None = None) -> Array:
    """max(0, x), of any shape; a NaN stays. `out` may be `x`."""
    return np.maximum(x, 0, out=_result("relu", x, out, in_place=True))


def relu_backward(y: Array, dy: Array, *, out: Array | None = None) -> Array:
    """Gradient of ReLU: `dy` where its output `y` is not 0. `out` may be `y` or `dy`."""
    return _through_relu("relu_backward", y, dy, out)


def relu_bias_backward(y: Array, dy: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """(dz, db): the gradients of z and b in y = relu(z), z = ... + b, where b [c] is one number for each channel: what `relu_backward` and
    `conv2d_bias` compute. `out`, for dz, may be `y` or `dy`."""
    check_array("relu_bias_backward", "y", y, ndim=(1, 2, 3, 4))
    dz = _through_relu("relu_bias_backward", y, dy, out)
    return dz, total(dz, tuple(range(dz.ndim - 1)))


def _through_relu(where: str, y: Array, dy: Array, out: Array | None) -> Array:
    _check_gradient(where, "y", y, dy)
    dz = np.empty_like(y) if out is None else check_out(where, out, y.shape, y.dtype, elementwise=True, y=y, dy=dy)
    dz[...] = np.where(y <= 0, y.dtype.type(0), dy)
    return dz


def tanh(x: Array, gain: float, slope: float) -> Array:
    """gain * tanh(slope * x): LeNet-5's squashing function with gain 1.7159 and slope 2/3 (LeCun 1998, appendix A)."""
    check_array("tanh", "x", x)
    gain, slope = check_real("tanh", "gain", gain), check_real("tanh", "slope", slope)
    return np.asarray(x.dtype.type(gain) * np.tanh(x.dtype.type(slope) * x))


def tanh_backward(y: Array, dy: Array, gain: float, slope: float) -> Array:
    """Gradient of `tanh` from its output: d/dx = slope * (gain - y^2 / gain)."""
    _check_gradient("tanh_backward", "y", y, dy)
    gain, slope = check_real("tanh_backward", "gain", gain), check_real("tanh_backward", "slope", slope)
    return np.asarray(dy * y.dtype.type(slope) * (y.dtype.type(gain) - y * y / y.dtype.type(gain)))


def leaky_relu(x: Array, negative_slope: float, *, out: Array | None = None) -> Array:
    """`x` where it is above 0, else negative_slope * x; of any shape. `out` must not overlap `x`, which the gradient needs."""
    y = _result("leaky_relu", x, out)
    slope = x.dtype.type(check_real("leaky_relu", "negative_slope", negative_slope))
    y[...] = np.where(x > 0, x, slope * x)
    return y


def leaky_relu_backward(x: Array, dy: Array, negative_slope: float) -> Array:
    """Gradient of `leaky_relu` from its input: `dy` where `x` is above 0, else negative_slope * dy."""
    _check_gradient("leaky_relu_backward", "x", x, dy)
    slope = x.dtype.type(check_real("leaky_relu_backward", "negative_slope", negative_slope))
    return np.where(x > 0, dy, slope * dy)


def clip(x: Array, low: float, high: float, *, out: Array | None = None) -> Array:
    """min(max(x, low), high), of any shape; the limits may be infinite. `out` must not overlap `x`, which the gradient needs."""
    y = _result("clip", x, out)
    least, largest = _limits("clip", x, low, high)
    return np.minimum(np.maximum(x, least, out=y), largest, out=y)


def clip_backward(x: Array, dy: Array, low: float, high: float) -> Array:
    """Gradient of `clip` from its input: `dy` from `low` to `high`, both included."""
    _check_gradient("clip_backward", "x", x, dy)
    least, largest = _limits("clip_backward", x, low, high)
    return np.where((x >= least) & (x <= largest), dy, x.dtype.type(0))


def _limits(where: str, x: Array, low: float, high: float) -> tuple[Scalar, Scalar]:
    """The limits, rounded to the type of `x`."""
    return x.dtype.type(check_limit(where, "low", low)), x.dtype.type(check_limit(where, "high", high))


def hard_sigmoid(x: Array, alpha: float, beta: float, *, out: Array | None = None) -> Array:
    """min(max(alpha * x + beta, 0), 1), of any shape. `out` must not overlap `x`, which the gradient needs."""
    y = _result("hard_sigmoid", x, out)
    y[...] = _line("hard_sigmoid", x, alpha, beta)
    return np.minimum(np.maximum(y, 0, out=y), 1, out=y)


def hard_sigmoid_backward(x: Array, dy: Array, alpha: float, beta: float) -> Array:
    """Gradient of `hard_sigmoid` from its input: alpha * dy where alpha * x + beta is between 0 and 1."""
    _check_gradient("hard_sigmoid_backward", "x", x, dy)
    line = _line("hard_sigmoid_backward", x, alpha, beta)
    return np.where((line > 0) & (line < 1), x.dtype.type(alpha) * dy, x.dtype.type(0))


def _line(where: str, x: Array, alpha: float, beta: float) -> Array:
    """alpha * x + beta."""
    line: Array = x * x.dtype.type(check_real(where, "alpha", alpha)) + x.dtype.type(check_real(where, "beta", beta))
    return line


def hard_swish(x: Array, *, out: Array | None = None) -> Array:
    """x * min(max(x + 3, 0), 6) / 6, of any shape. `out` must not overlap `x`, which the gradient needs. (Howard et al. 2019)"""
    y = _result("hard_swish", x, out)
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        y[...] = x * (np.minimum(np.maximum(x + 3, 0), 6) / 6)
    return y


def hard_swish_backward(x: Array, dy: Array) -> Array:
    """Gradient of `hard_swish` from its input: 0 up to -3, dy from 3 on, and dy * (x / 3 + 1/2) between them."""
    _check_gradient("hard_swish_backward", "x", x, dy)
    with np.errstate(invalid="ignore"):
        between = dy * (x / 3 + x.dtype.type(0.5))
    return np.where(x <= -3, x.dtype.type(0), np.where(x < 3, between, dy))


def sigmoid(x: Array, *, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), of any shape. `out` may be `x`."""
    y = _result("sigmoid", x, out, in_place=True)
    e = np.exp(-np.abs(x))  # of what is not positive: no overflow
    y[...] = np.where(x < 0, e, 1) / (1 + e)
    return y


def sigmoid_backward(y: Array, dy: Array) -> Array:
    """Gradient of `sigmoid` from its output: y * (1 - y) * dy."""
    _check_gradient("sigmoid_backward", "y", y, dy)
    return np.asarray(dy * y * (1 - y))


def silu(x: Array, *, out: Array | None = None) -> Array:
    """x * sigmoid(x), of any shape. `out` must not overlap `x`, which the gradient needs."""
    y = _result("silu", x, out)
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        y[...] = x * sigmoid(x)
    return y


def silu_backward(x: Array, dy: Array) -> Array:
    """Gradient of `silu` from its input: s * (1 + x * (1 - s)) * dy with s = sigmoid(x)."""
    _check_gradient("silu_backward", "x", x, dy)
    s = sigmoid(x)
    with np.errstate(invalid="ignore"):
        return np.asarray(dy * s * (1 + x * (1 - s)))


def elu(x: Array, alpha: float, *, out: Array | None = None) -> Array:
    """`x` where it is above 0, else alpha * (exp(x) - 1); of any shape. `out` must not overlap `x`, which the gradient needs."""
    y = _result("elu", x, out)
    below = x.dtype.type(check_real("elu", "alpha", alpha)) * np.expm1(np.minimum(x, 0))
    y[...] = np.where(x > 0, x, below)
    return y


def elu_backward(x: Array, dy: Array, alpha: float) -> Array:
    """Gradient of `elu` from its input: alpha * exp(x) * dy up to 0, else dy."""
    _check_gradient("elu_backward", "x", x, dy)
    slope = x.dtype.type(check_real("elu_backward", "alpha", alpha)) * np.exp(np.minimum(x, 0))
    return np.where(x <= 0, slope * dy, dy)


def _result(where: str, x: Array, out: Array | None, in_place: bool = False) -> Array:
    """Where the result of a function of each value of `x` goes. in_place: whether `out` may be `x`."""
    check_array(where, "x", x)
    return np.empty_like(x) if out is None else check_out(where, out, x.shape, x.dtype, elementwise=in_place, x=x)


def _check_gradient(where: str, name: str, kept: Array, dy: Array) -> None:
    """Checks what a gradient is computed from: the array that forward keeps, and `dy`."""
    check_array(where, name, kept)
    check_array(where, "dy", dy, dtype=kept.dtype, shape=kept.shape)


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a + b, of one shape; `out` may be one of them."""
    check_array("add", "a", a)
    check_array("add", "b", b, dtype=a.dtype, shape=a.shape)
    y = np.empty_like(a) if out is None else check_out("add", out, a.shape, a.dtype, elementwise=True, a=a, b=b)
    return np.add(a, b, out=y)
