"""Sums, products and powers, element by element, and the sum and the mean of all values."""

from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Scalar
from ..checks import check_array, check_real
from ..op import Op
from ..tensor import Tensor, check_tensor


class Add(Op):
    """y = a + b, of one shape."""

    def forward(self, a: Array, b: Array) -> Array:
        return kernels.add(a, b)

    def backward(self, dy: Array) -> tuple[Array, Array]:
        return dy, dy


class AddScalar(Op):
    """y = x + number."""

    function = "add"

    def __init__(self, number: float):
        self.number = number

    def forward(self, x: Array) -> Array:
        return np.asarray(x + x.dtype.type(self.number))  # NumPy turns an array of one value into a scalar

    def backward(self, dy: Array) -> tuple[Array]:
        return (dy,)


class Scale(Op):
    """y = factor * x."""

    function = "mul"

    def __init__(self, factor: float):
        self.factor = factor

    def forward(self, x: Array) -> Array:
        return np.asarray(x * x.dtype.type(self.factor))

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.asarray(dy * dy.dtype.type(self.factor)),)


class Multiply(Op):
    """y = a * b, element by element, of one shape."""

    function = "mul"
    read_for = {"a": 1, "b": 0}

    def forward(self, a: Array, b: Array) -> Array:
        check_array("mul", "b", b, dtype=a.dtype, shape=a.shape)
        self.a, self.b = a, b
        return np.asarray(a * b)

    def backward(self, dy: Array) -> tuple[Array, Array]:
        return np.asarray(dy * self.b), np.asarray(dy * self.a)


class Power(Op):
    """y = x ** exponent, element by element."""

    def __init__(self, exponent: float):
        self.exponent = exponent

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.asarray(x ** x.dtype.type(self.exponent))

    def backward(self, dy: Array) -> tuple[Array]:
        kind = dy.dtype.type
        if self.exponent == 0:  # avoids 0 * 0 ** -1, which is NaN
            return (np.zeros_like(dy),)
        return (np.asarray(dy * kind(self.exponent) * self.x ** kind(self.exponent - 1)),)


class Sum(Op):
    """y = the sum of all values of x."""

    def forward(self, x: Array) -> Array:
        return np.asarray(x.sum(dtype=np.float64), x.dtype)

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.full(self.inputs[0].shape, dy),)


class Mean(Op):
    """y = the mean of all values of x."""

    def forward(self, x: Array) -> Array:
        if x.size == 0:
            raise ValueError(f"mean: `x` has shape {x.shape}, expected values to take the mean of")
        return np.asarray(x.mean(dtype=np.float64), x.dtype)

    def backward(self, dy: Array) -> tuple[Array]:
        x = self.inputs[0]
        return (np.full(x.shape, dy / dy.dtype.type(x.size)),)


def _number(where: str, name: str, value: Any) -> float:
    """`value` as a float; tensors and arrays are an error, because broadcasting is not supported."""
    if isinstance(value, Tensor):
        raise TypeError(f"{where}: `{name}` is a Tensor of shape {value.shape}, expected a number")
    if isinstance(value, np.ndarray):
        raise TypeError(f"{where}: `{name}` is an array of shape {value.shape}, expected a number or a Tensor: minigoog.Tensor({name})")
    return check_real(where, name, value)


def add(a: Tensor, b: Tensor | Scalar) -> Tensor:
    """a + b: two tensors of one shape, or a tensor and a number."""
    return Add()(a, b) if isinstance(b, Tensor) else AddScalar(_number("add", "b", b))(check_tensor("add", "a", a))


def mul(a: Tensor, b: Tensor | Scalar) -> Tensor:
    """a * b: two tensors of one shape, element by element, or a tensor and a number."""
    return Multiply()(a, b) if isinstance(b, Tensor) else Scale(_number("mul", "b", b))(check_tensor("mul", "a", a))


def sub(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """a - b: two tensors of one shape, or a tensor and a number."""
    if not isinstance(b, Tensor):
        number = _number("sub", "b", b)
        return add(check_tensor("sub", "a", a), -number)
    if not isinstance(a, Tensor):
        return add(neg(b), _number("sub", "a", a))
    check_array("sub", "b", b.data, dtype=a.dtype, shape=a.shape)  # add would name itself
    return add(a, neg(b))


def div(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """a / b, as a * b ** -1: two tensors of one shape, element by element, or a tensor and a number."""
    if isinstance(b, Tensor) and isinstance(a, Tensor):
        check_array("div", "b", b.data, dtype=a.dtype, shape=a.shape)
        return mul(a, power(b, -1))
    if isinstance(b, Tensor):
        return mul(power(b, -1), _number("div", "a", a))
    divisor = _number("div", "b", b)
    if divisor == 0:
        raise ValueError("div: `b` is 0, expected a non-zero number")
    return mul(check_tensor("div", "a", a), 1 / divisor)


def power(x: Tensor, exponent: Scalar) -> Tensor:
    """x ** exponent, element by element, for one number `exponent`."""
    return Power(_number("power", "exponent", exponent))(x)


def neg(a: Tensor) -> Tensor:
    """-a."""
    return Scale(-1.0)(check_tensor("neg", "a", a))


def sum(x: Tensor) -> Tensor:
    """The sum of all values of `x`, as a tensor of one value."""
    return Sum()(x)


def mean(x: Tensor) -> Tensor:
    """The mean of all values of `x`, as a tensor of one value."""
    return Mean()(x)
