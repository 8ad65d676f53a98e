"""Dropout, whose mask is a function of a seed and a position."""

from .. import kernels, rng
from ..array_types import Array
from ..checks import check_bool, check_real
from ..op import Op
from ..tensor import Tensor, check_tensor


class Dropout(Op):
    """Each value dropped with probability `p`, the others divided by 1 - p."""

    def __init__(self, p: float, seed: int, offset: int):
        self.p, self.seed, self.offset = p, seed, offset

    def forward(self, x: Array) -> Array:
        return kernels.dropout(x, self.p, seed=self.seed, offset=self.offset)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.dropout(dy, self.p, seed=self.seed, offset=self.offset),)


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """`x` with each value dropped with probability `p` and the others scaled by 1 / (1 - p); `x` itself when not training."""
    p = check_real("dropout", "p", p, 0, 1)
    if p == 1:
        raise ValueError("dropout: `p` is 1, expected a number below 1: nothing would be left")
    check_tensor("dropout", "x", x)
    return Dropout(p, *rng.take(x.size))(x) if check_bool("dropout", "training", training) and p > 0 else x
