"""Sums and products of whole tensors: what losses are put together with."""

import numpy as np

from .. import kernels
from ..checks import check_array, check_real
from ..op import Op


class Add(Op):
    """y = a + b, of one shape."""

    def forward(self, a, b):
        return kernels.add(a, b)

    def backward(self, dy):
        return dy, dy


class Scale(Op):
    """y = factor * x."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return np.asarray(x * x.dtype.type(self.factor))  # NumPy makes a number of an array of one value

    def backward(self, dy):
        return (np.asarray(dy * dy.dtype.type(self.factor)),)


class Multiply(Op):
    """y = a * b, element by element, of one shape."""

    def forward(self, a, b):
        check_array("mul", "b", b, dtype=a.dtype, shape=a.shape)
        self.a, self.b = a, b
        return np.asarray(a * b)

    def backward(self, dy):
        return np.asarray(dy * self.b), np.asarray(dy * self.a)


class Sum(Op):
    """y = the sum of all values of x."""

    def forward(self, x):
        return np.asarray(x.sum(dtype=np.float64), x.dtype)

    def backward(self, dy):
        return (np.full(self.inputs[0].shape, dy),)


def add(a, b):
    """a + b, of one shape."""
    return Add()(a, b)


def mul(a, b):
    """a * b: two tensors of one shape, element by element, or a tensor and a number."""
    return Multiply()(a, b) if hasattr(b, "requires_grad") else Scale(check_real("mul", "b", b))(a)


def sub(a, b):
    """a - b, of one shape."""
    return Add()(a, Scale(-1.0)(b))


def neg(a):
    """-a."""
    return Scale(-1.0)(a)


def sum(x):
    """The sum of all values of `x`, as a tensor of one value."""
    return Sum()(x)
