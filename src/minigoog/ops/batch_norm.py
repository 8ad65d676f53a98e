"""Batch normalisation in training, optionally with ReLU in the same pass. (Ioffe, Szegedy 2015, arXiv 1502.03167)"""

from .. import kernels
from ..array_types import Array, BoolArray
from ..op import Op
from ..tensor import Tensor


class BatchNorm2d(Op):
    """y = (x - mean) / sqrt(variance + eps) * gamma + beta, channel by channel, and max(0, .) if `relu`."""

    function = "batch_norm"
    new_gradients = overwrites = True

    def __init__(self, eps: float = 1e-5, relu: bool = False, out: Array | None = None):
        self.eps, self.relu, self.out = eps, relu, out

    def forward(self, x: Array, gamma: Array, beta: Array) -> Array:
        self.x, self.gamma, self.beta = x, gamma, beta
        y, self.mean, self.variance = kernels.batch_norm(x, gamma, beta, eps=self.eps, relu=self.relu, out=self.out)
        return y

    def backward(self, dy: Array, overwrite: bool = False) -> tuple[Array, Array, Array]:
        given, out = (self.x, dy, self.mean, self.variance, self.gamma, self.beta), dy if overwrite else None
        return kernels.batch_norm_backward(*given, eps=self.eps, relu=self.relu, out=out)

    def active_set(self) -> BoolArray | None:
        return self.y > 0 if self.relu else None


def batch_norm(
    x: Tensor, *, gamma: Tensor, beta: Tensor, eps: float = 1e-5, relu: bool = False, out: Array | None = None
) -> Tensor:
    """Each channel of `x` [..., c] normalised to mean 0 and variance 1 over all other axes, times `gamma` [c], plus `beta` [c]."""
    return BatchNorm2d(eps, relu, out)(x, gamma, beta)
