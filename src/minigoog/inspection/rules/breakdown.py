"""How a number was computed: factors, their products, and what is done with their sum."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...array_types import Array


@dataclass
class Breakdown:
    """`formula` as text; `factors`, arrays of one shape by name; `parts`, the intermediate numbers by name; `value`, the result.

    All is computed in float64. `corner`: the row and column of the input where the patch begins, possibly in the padding."""

    formula: str
    factors: dict[str, Any]
    value: float
    parts: dict[str, float] = field(default_factory=dict)
    corner: tuple[int, int] | None = None

    @property
    def products(self) -> Array:
        """The product of the factors, element by element."""
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
    """The breakdown of a number that is a copy of the number `source`."""
    return Breakdown(source, {source: np.asarray(value)}, float(np.asarray(value)))
