"""GELU: each value times the probability that a normal number is below it."""

import math

import numpy as np

from ..array_types import Array
from ..checks import check_array, check_choice
from ..op import Op
from ..tensor import Tensor

_erf = np.vectorize(math.erf, otypes=[np.float64])
SLOPE, CUBE = math.sqrt(2 / math.pi), 0.044715  # of the form with tanh


class GELU(Op):
    """y = x * P(x), with P the normal distribution's; approximate "tanh": P(x) about 1/2 + 1/2 tanh(sqrt(2 / pi) (x + 0.044715 x^3)).

    (Hendrycks and Gimpel 2016)"""

    def __init__(self, approximate: str = "none"):
        self.approximate = check_choice("gelu", "approximate", approximate, ("none", "tanh"))

    def forward(self, x: Array) -> Array:
        self.x = check_array("gelu", "x", x)
        with np.errstate(invalid="ignore"):  # minus infinity times 0
            return np.asarray(x * self.below(x).astype(x.dtype))

    def below(self, x: Array) -> Array:
        """P(x), in float64."""
        wide = x.astype(np.float64)
        if self.approximate == "tanh":
            return np.asarray(0.5 + 0.5 * np.tanh(SLOPE * (wide + CUBE * wide**3)))
        return np.asarray(0.5 + 0.5 * _erf(wide * math.sqrt(0.5))) if x.size else wide

    def slope(self, x: Array) -> Array:
        """dy/dx = P(x) + x P'(x), in float64."""
        wide, below = x.astype(np.float64), self.below(x)
        if self.approximate == "tanh":
            density = 2 * below * (1 - below) * SLOPE * (1 + 3 * CUBE * wide**2)
        else:
            density = np.exp(-0.5 * wide**2) / math.sqrt(2 * math.pi)
        with np.errstate(invalid="ignore"):
            return np.asarray(below + wide * density)

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.asarray(dy * self.slope(self.x).astype(dy.dtype)),)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """GELU of each value; `approximate`: "none" for the exact form, "tanh" for the approximation that some networks were trained with."""
    return GELU(approximate)(x)
