"""GELU."""

from typing import Any

import numpy as np

from ...ops.gelu import GELU
from .curve import Curve
from .rule import Context, rule_for


@rule_for(GELU)
class GELURule(Curve):
    """The number times the probability that a normal number is below it."""

    function = "gelu"
    formula = "x * P(normal < x)"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        below = float(op.below(np.array(x)))
        return x * below, {"P(normal < x)": below}

    def slope(self, op: Any, x: float) -> float:
        return float(op.slope(np.array(x)))

    def words(self, op: Any, context: Context) -> str:
        how = ", approximated by a hyperbolic tangent" if op.approximate == "tanh" else ""
        return f"Each value times the probability that a normally distributed number is below it{how}."
