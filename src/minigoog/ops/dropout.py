"""Dropout, whose mask is a function of a seed and a position."""

from .. import kernels, rng
from ..checks import check_real
from ..op import Op


class Dropout(Op):
    """Each value dropped with probability `p`, the others divided by 1 - p."""

    def __init__(self, p, seed, offset):
        self.p, self.seed, self.offset = p, seed, offset

    def forward(self, x):
        return kernels.dropout(x, self.p, seed=self.seed, offset=self.offset)

    def backward(self, dy):
        return (kernels.dropout(dy, self.p, seed=self.seed, offset=self.offset),)


def dropout(x, p=0.5, training=True):
    """`x` with each value dropped with probability `p` and the others scaled by 1 / (1 - p); `x` itself when not training."""
    p = check_real("dropout", "p", p, 0, 1)
    if p == 1:
        raise ValueError("dropout: `p` is 1, expected it below 1: nothing would be left")
    return Dropout(p, *rng.take(x.size))(x) if training and p > 0 else x
