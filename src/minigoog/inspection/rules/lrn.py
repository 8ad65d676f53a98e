"""Local response normalisation."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.lrn import LRN
from .breakdown import Breakdown
from .rule import Context, Pointwise, rule_for


@rule_for(LRN)
class LRNRule(Pointwise):
    """The number, divided by a power of the squares around it."""

    function = javascript = "lrn"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        x, c = op.inputs[0].data[index[:-1]].astype(np.float64), index[-1]
        around = x[_channels(op, c)]
        d = op.k + op.alpha / op.size * float(around @ around)
        parts = {"x": float(x[c]), "sum of the squares": float(around @ around), "d = k + alpha / size * sum": d, "d ** beta": d**op.beta}
        return Breakdown("x / d ** beta", {"x around": around}, float(x[c] / d**op.beta), parts)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        x, sent, c = op.inputs[0].data[index[:-1]].astype(np.float64), dy[index[:-1]].astype(np.float64), index[-1]
        d = op.k + op.alpha / op.size * np.array([float((x[_channels(op, i)] ** 2).sum()) for i in range(len(x))])
        around, factor = _channels(op, c), 2 * op.alpha * op.beta / op.size
        own, terms = sent[c] / d[c] ** op.beta, sent[around] * x[around] / d[around] ** (op.beta + 1)
        parts = {"dy / d ** beta": float(own), "sum around it of dy * x / d ** (beta + 1)": float(terms.sum())}
        formula = "dy / d ** beta - 2 * alpha * beta / size * x * sum(dy * x / d ** (beta + 1))"
        return Breakdown(formula, {"dy * x / d ** (beta + 1) around": terms}, float(own - factor * x[c] * terms.sum()), parts)

    def settings(self, op: Any) -> dict[str, Any]:
        return {"size": op.size, "alpha": op.alpha, "beta": op.beta, "k": op.k}

    def title(self, op: Any) -> str:
        return "local norm"

    def words(self, op: Any, context: Context) -> str:
        return f"Local response normalisation: each value is divided by a power of the squares in the {op.size} channels around it."


def _channels(op: Any, c: int) -> slice:
    """The channels around `c`, of those that exist."""
    return slice(max(c - op.size // 2, 0), c + op.size // 2 + 1)
