"""What a number was computed from: factors, their products, and what is done with their sum."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...array_types import Array


@dataclass
class Breakdown:
    """`formula` in words; `factors`, arrays of one shape by name; `parts`, numbers by name on the way from their products to `value`.

    All is computed in float64. `corner`: the row and column of the input that the patch begins at, maybe in the padding."""

    formula: str
    factors: dict[str, Any]
    value: float
    parts: dict[str, float] = field(default_factory=dict)
    corner: tuple[int, int] | None = None

    @property
    def products(self) -> Array:
        """The factors multiplied with each other, number by number."""
        return np.asarray(math.prod(np.asarray(a, np.float64) for a in self.factors.values()))


def add_up(
    formula: str,
    factors: dict[str, Any],
    bias: float | None = None,
    relu: bool = False,
    corner: tuple[int, int] | None = None,
) -> Breakdown:
    """The breakdown of the sum of the factors' products, plus `bias`, and max(0, .) if `relu`."""
    breakdown = Breakdown(formula, factors, 0.0, corner=corner)
    value = float(breakdown.products.sum())
    if breakdown.products.size > 1 or bias is not None:
        breakdown.parts["sum of the products"] = value
    if bias is not None:
        breakdown.parts["bias"] = float(bias)
        value += float(bias)
    if relu:
        breakdown.parts["before ReLU"] = value
        value = max(value, 0.0)
    breakdown.value = value
    return breakdown


def copied(source: str, value: ArrayLike) -> Breakdown:
    """The breakdown of a number that is another one: `source` says which."""
    return Breakdown(source, {source: np.asarray(value)}, float(np.asarray(value)))
