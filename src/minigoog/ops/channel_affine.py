"""A coefficient and a bias for each channel: LeNet-5's trainable subsampling."""

from .. import kernels
from ..array_types import Array
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor


class ChannelAffine(Op):
    """y[..., c] = a[c] * x[..., c] + b[c]."""

    read_for = {"x": 1, "a": 0}

    def forward(self, x: Array, a: Array, b: Array) -> Array:
        if x.ndim < 1:
            raise ValueError(f"channel_affine: `x` has 0 axes {x.shape}, expected at least 1")
        for name, vector in (("a", a), ("b", b)):
            check_array("channel_affine", name, vector, dtype=x.dtype, shape=x.shape[-1:])
        self.x, self.a = x, a
        y: Array = x * a
        y += b
        return y

    def backward(self, dy: Array) -> tuple[Array | None, ...]:
        da = kernels.conv2d_bias(dy * self.x) if self.needs_grad(1) else None
        return dy * self.a if self.needs_grad(0) else None, da, kernels.conv2d_bias(dy) if self.needs_grad(2) else None


def channel_affine(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`x` [..., c] times `a` [c] plus `b` [c]."""
    return ChannelAffine()(x, a, b)
