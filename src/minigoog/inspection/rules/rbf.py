"""Radial basis functions."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.rbf import SquaredDistance
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for


@rule_for(SquaredDistance)
class SquaredDistanceRule(Pointwise):
    """The squares of the differences to a code, added up."""

    function = javascript = "squared_distance"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, i = index
        difference = op.inputs[0].data[n].astype(np.float64) - op.codes[i]
        return add_up("sum((x - code) * (x - code))", {"x - code": difference, "x - code again": difference})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, i = index
        differences = op.inputs[0].data[n, i] - op.codes[:, i].astype(np.float64)
        return add_up("sum(2 * (x - code) * dy)", {"2 (x - code)": 2 * differences, "dy": dy[n]})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"codes": op.codes.tolist()}

    def words(self, op: Any, context: Context) -> str:
        return "The squared distance of the input to the code of each class."
