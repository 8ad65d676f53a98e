"""Radial basis functions: how far an output is from each of some fixed codes."""

import numpy as np

from .. import kernels
from ..array_types import Array
from ..op import Op
from ..tensor import Tensor


class SquaredDistance(Op):
    """y[n, i] = |x[n] - codes[i]|^2 for fixed codes [i, features]."""

    def __init__(self, codes: Array):
        self.codes = codes

    def forward(self, x: Array) -> Array:
        self.x = x
        codes = self.codes.astype(x.dtype)
        products = kernels.linear(x, np.ascontiguousarray(codes.T))  # not by BLAS, whose sums depend on the size of the batch
        y: Array = (x * x).sum(axis=1, keepdims=True) - 2 * products + (codes * codes).sum(axis=1)
        return y

    def backward(self, dy: Array) -> tuple[Array]:
        return (2 * (dy.sum(axis=1, keepdims=True) * self.x - dy @ self.codes.astype(dy.dtype)),)


def squared_distance(x: Tensor, codes: Array) -> Tensor:
    """Squared Euclidean distance of each row of `x` [n, features] to each of `codes`, a constant array [i, features]: [n, i]."""
    return SquaredDistance(codes)(x)
