"""Dropout."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...kernels.reference.dropout import random_words, threshold
from ...ops.dropout import Dropout
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for


@rule_for(Dropout)
class DropoutRule(Pointwise):
    """The number times 0 or 1 / (1 - p)."""

    function = kernel = "dropout"
    gradient_kernels = ("dropout",)

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("x * (0, or 1 / (1 - p))", {"x": op.inputs[0].data[index], "0 or 1 / (1 - p)": np.asarray(_kept(op, index))})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("dy * (0, or 1 / (1 - p))", {"dy": dy[index], "0 or 1 / (1 - p)": np.asarray(_kept(op, index))})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"p": op.p}

    def words(self, op: Any, context: Context) -> str:
        return "In training each value is set to 0 with some probability, so that the network cannot rely on a single one."


def _kept(op: Any, index: Shape) -> float:
    """The factor of the number at `index`: 0, or 1 / (1 - p)."""
    word = random_words(op.seed, op.offset + int(np.ravel_multi_index(index, op.y.shape)), 1)[0]
    return float(1 / (1 - op.p)) if word >= threshold(op.p) else 0.0
