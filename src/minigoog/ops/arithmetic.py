"""Sums, products and powers, element by element, and the sum and the mean of all values."""

from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Scalar, Shape
from ..checks import check_array, check_real
from ..op import Op
from ..tensor import Tensor, check_tensor


class Add(Op):
    """y = a + b, element by element; axes of length 1 and missing first ones are broadcast as in NumPy."""

    def forward(self, a: Array, b: Array) -> Array:
        if a.shape == b.shape:
            return kernels.add(a, b)
        check_broadcast("add", a, b)
        return np.asarray(a + b)

    def backward(self, dy: Array) -> tuple[Array, ...]:
        return tuple(unbroadcast(dy, x.shape) for x in self.inputs)


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
    """y = a * b, element by element, broadcast as in NumPy."""

    function = "mul"
    read_for = {"a": 1, "b": 0}

    def forward(self, a: Array, b: Array) -> Array:
        check_broadcast("mul", a, b)
        self.a, self.b = a, b
        return np.asarray(a * b)

    def backward(self, dy: Array) -> tuple[Array | None, Array | None]:
        da = unbroadcast(np.asarray(dy * self.b), self.inputs[0].shape) if self.needs_grad(0) else None
        return da, unbroadcast(np.asarray(dy * self.a), self.inputs[1].shape) if self.needs_grad(1) else None


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


def check_broadcast(where: str, a: Array, b: Array) -> None:
    """Raises unless `a` and `b` have one type, and shapes that agree but for axes of length 1 and missing first ones."""
    check_array(where, "a", a)
    check_array(where, "b", b, dtype=a.dtype)
    if a.shape != b.shape and any(m != n and 1 not in (m, n) for m, n in zip(reversed(a.shape), reversed(b.shape), strict=False)):
        raise ValueError(f"{where}: `b` has shape {b.shape}, expected {a.shape}, but for axes of length 1 and missing first ones")


def unbroadcast(dy: Array, shape: Shape) -> Array:
    """The gradient of an input of this shape that was broadcast: `dy` summed over the axes along which it was repeated."""
    if dy.shape == shape:
        return dy
    first = dy.ndim - len(shape)
    axes = [i for i, n in enumerate(dy.shape) if i < first or (shape[i - first] == 1 != n)]
    return np.asarray(dy.sum(axis=tuple(axes), dtype=np.float64), dy.dtype).reshape(shape)


def _number(where: str, name: str, value: Any) -> float:
    """`value` as a float; tensors and arrays are an error: a tensor has its own operation, an array would not get its gradient."""
    if isinstance(value, Tensor):
        raise TypeError(f"{where}: `{name}` is a Tensor of shape {value.shape}, expected a number")
    if isinstance(value, np.ndarray):
        raise TypeError(f"{where}: `{name}` is an array of shape {value.shape}, expected a number or a Tensor: minigoog.Tensor({name})")
    return check_real(where, name, value)


def add(a: Tensor, b: Tensor | Scalar) -> Tensor:
    """a + b: two tensors, or a tensor and a number. Axes of length 1 and missing first ones are broadcast, as in NumPy."""
    return Add()(a, b) if isinstance(b, Tensor) else AddScalar(_number("add", "b", b))(check_tensor("add", "a", a))


def mul(a: Tensor, b: Tensor | Scalar) -> Tensor:
    """a * b, element by element: two tensors, broadcast as in NumPy, or a tensor and a number."""
    return Multiply()(a, b) if isinstance(b, Tensor) else Scale(_number("mul", "b", b))(check_tensor("mul", "a", a))


def sub(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """a - b: two tensors, broadcast as in NumPy, or a tensor and a number."""
    if not isinstance(b, Tensor):
        number = _number("sub", "b", b)
        return add(check_tensor("sub", "a", a), -number)
    if not isinstance(a, Tensor):
        return add(neg(b), _number("sub", "a", a))
    check_broadcast("sub", a.data, b.data)  # add would name itself
    return add(a, neg(b))


def div(a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor:
    """a / b, element by element, as a * b ** -1: two tensors, broadcast as in NumPy, or a tensor and a number."""
    if isinstance(b, Tensor) and isinstance(a, Tensor):
        check_broadcast("div", a.data, b.data)
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
