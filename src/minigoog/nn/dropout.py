"""Dropout."""

from .. import ops
from ..checks import check_real
from ..tensor import Tensor
from .module import Module


class Dropout(Module):
    """In training, drops each value with probability `p` and scales the others by 1 / (1 - p). (Srivastava et al. 2014)"""

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_real("Dropout", "p", p, 0, 1)
        if self.p == 1:
            raise ValueError("Dropout: `p` is 1, expected a number below 1: nothing would be left")

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.p, self.training)

    def settings(self) -> str:
        return f"p={self.p:g}"
