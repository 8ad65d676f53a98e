"""Radial basis functions: how far an output is from each of some fixed codes."""

import numpy as np
from numpy.typing import DTypeLike

from .. import kernels
from ..array_types import Array
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor


class SquaredDistance(Op):
    """y[n, i] = |x[n] - codes[i]|^2 for fixed codes [i, features]: |x|^2 + (|code|^2 - 2 x code), both sums as linear layers.

    Not by BLAS, whose sums depend on the size of the batch."""

    def __init__(self, codes: Array):
        if isinstance(codes, np.ndarray):
            codes = codes.astype(np.float32 if codes.dtype.kind in "iu" else codes.dtype)  # a copy
        self.codes: Array = check_array("squared_distance", "codes", codes, ndim=2)
        if self.codes.size == 0:
            raise ValueError(f"squared_distance: `codes` has shape {codes.shape}, expected at least one code of one feature")

    def forward(self, x: Array) -> Array:
        check_array("squared_distance", "x", x, ndim=2)
        if x.shape[1] != self.codes.shape[1]:
            raise ValueError(f"squared_distance: `codes` has {self.codes.shape[1]} features but `x` has {x.shape[1]}")
        self.x = x
        w, b = self.products(x.dtype)
        y: Array = kernels.linear(x * x, self.ones(x.dtype)) + kernels.linear(np.ascontiguousarray(x), w, b)
        return y

    def ones(self, dtype: DTypeLike) -> Array:
        """Weights [features, codes] of the linear layer that sums the squares of `x`."""
        return np.ones(self.codes.T.shape, dtype)

    def products(self, dtype: DTypeLike) -> tuple[Array, Array]:
        """Weights [features, codes] and bias of the linear layer that computes |code|^2 - 2 x code."""
        codes = self.codes.astype(dtype)
        return np.ascontiguousarray(-2 * codes.T), (codes * codes).sum(axis=1)

    def backward(self, dy: Array) -> tuple[Array]:
        return (2 * (dy.sum(axis=1, keepdims=True) * self.x - dy @ self.codes.astype(dy.dtype)),)


def squared_distance(x: Tensor, codes: Array) -> Tensor:
    """Squared Euclidean distance of each row of `x` [n, features] to each of `codes`, a constant array [i, features]: [n, i]."""
    return SquaredDistance(codes)(x)
