"""A coefficient and a bias for each channel: LeNet-5's trainable subsampling."""

import numpy as np

from ..array_types import Array
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor
from .rows import as_rows, column_sums


class ChannelAffine(Op):
    """y[..., c] = a[c] * x[..., c] + b[c]."""

    read_for = {"x": 1, "a": 0}

    def forward(self, x: Array, a: Array, b: Array) -> Array:
        if x.ndim < 1:
            raise ValueError(f"channel_affine: `x` has 0 axes {x.shape}, expected at least 1")
        for name, vector in (("a", a), ("b", b)):
            check_array("channel_affine", name, vector, dtype=x.dtype, shape=x.shape[-1:])
        self.x, self.a = x, a
        rows, factors, shifts = as_rows(x, a, b)
        y = rows * factors
        y += shifts
        return np.asarray(y.reshape(x.shape))

    def backward(self, dy: Array) -> tuple[Array | None, ...]:
        da = column_sums(dy * self.x) if self.needs_grad(1) else None
        return dy * self.a if self.needs_grad(0) else None, da, column_sums(dy) if self.needs_grad(2) else None


def channel_affine(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`x` [..., c] times `a` [c] plus `b` [c]."""
    return ChannelAffine()(x, a, b)
