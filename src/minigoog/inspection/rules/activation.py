"""Activations of the networks after 2015."""

import math
from typing import Any

from ...ops.activation import ELU, Clip, HardSigmoid, HardSwish, Sigmoid, SiLU
from .curve import Curve
from .rule import Context, rule_for


@rule_for(Clip)
class ClipRule(Curve):
    """The number, or the limit that it exceeds."""

    function = javascript = kernel = "clip"
    gradient_kernels = ("clip_backward",)
    derived = True
    formula = "min(max(x, low), high)"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        return min(max(x, op.low), op.high), {name: limit for name, limit in _limits(op).items() if limit is not None}

    def slope(self, op: Any, x: float) -> float:
        return float(op.low <= x <= op.high)

    def settings(self, op: Any) -> dict[str, Any]:
        return _limits(op)

    def words(self, op: Any, context: Context) -> str:
        limits = [(word, limit) for word, limit in (("below", op.low), ("above", op.high)) if math.isfinite(limit)]
        return f"Values {', values '.join(f'{word} {limit:g} become {limit:g}' for word, limit in limits) or 'without a limit'}."


@rule_for(HardSigmoid)
class HardSigmoidRule(Curve):
    """alpha * x + beta, from 0 to 1."""

    function = javascript = kernel = "hard_sigmoid"
    gradient_kernels = ("hard_sigmoid_backward",)
    formula = "min(max(alpha * x + beta, 0), 1)"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        line = op.alpha * x + op.beta
        return min(max(line, 0), 1), {"alpha * x + beta": line}

    def slope(self, op: Any, x: float) -> float:
        return op.alpha if 0 < op.alpha * x + op.beta < 1 else 0.0

    def settings(self, op: Any) -> dict[str, Any]:
        return {"alpha": op.alpha, "beta": op.beta}

    def words(self, op: Any, context: Context) -> str:
        return "Each value becomes a share from 0 to 1, by three straight lines in place of a sigmoid."


@rule_for(HardSwish)
class HardSwishRule(Curve):
    """The number times a share of it that grows with it."""

    function = javascript = kernel = "hard_swish"
    gradient_kernels = ("hard_swish_backward",)
    formula = "x * min(max(x + 3, 0), 6) / 6"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        share = min(max(x + 3, 0), 6) / 6
        return x * share, {"min(max(x + 3, 0), 6) / 6": share}

    def slope(self, op: Any, x: float) -> float:
        return 0.0 if x <= -3 else x / 3 + 0.5 if x < 3 else 1.0

    def words(self, op: Any, context: Context) -> str:
        return "Values below -3 become 0 and those above 3 stay; between them a parabola joins the two."


@rule_for(Sigmoid)
class SigmoidRule(Curve):
    """1 / (1 + exp(-x))."""

    function = javascript = kernel = "sigmoid"
    gradient_kernels = ("sigmoid_backward",)
    formula = "1 / (1 + exp(-x))"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        return _sigmoid(x), {}

    def slope(self, op: Any, x: float) -> float:
        return _sigmoid(x) * _sigmoid(-x)

    def words(self, op: Any, context: Context) -> str:
        return "Each value becomes a share from 0 to 1."


@rule_for(SiLU)
class SiLURule(Curve):
    """The number times its sigmoid."""

    function = javascript = kernel = "silu"
    gradient_kernels = ("silu_backward",)
    formula = "x * sigmoid(x)"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        return x * _sigmoid(x), {"sigmoid(x)": _sigmoid(x)}

    def slope(self, op: Any, x: float) -> float:
        return _sigmoid(x) * (1 + x * _sigmoid(-x))

    def words(self, op: Any, context: Context) -> str:
        return "Each value times its sigmoid: nearly 0 far below 0, nearly the value itself far above."


@rule_for(ELU)
class ELURule(Curve):
    """The number, or an exponential where it is not positive."""

    function = javascript = kernel = "elu"
    gradient_kernels = ("elu_backward",)
    formula = "x if x > 0, else alpha * (exp(x) - 1)"

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        return x if x > 0 else op.alpha * math.expm1(x), {}

    def slope(self, op: Any, x: float) -> float:
        return op.alpha * math.exp(x) if x <= 0 else 1.0

    def settings(self, op: Any) -> dict[str, Any]:
        return {"alpha": op.alpha}

    def words(self, op: Any, context: Context) -> str:
        return f"Negative values approach {-op.alpha:g} by an exponential."


def _limits(op: Any) -> dict[str, float | None]:
    """The limits of Clip; None where there is none."""
    return {name: limit if math.isfinite(limit) else None for name, limit in (("low", op.low), ("high", op.high))}


def _sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)
