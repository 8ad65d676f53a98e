"""PReLU."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.prelu import PReLU
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for


@rule_for(PReLU)
class PReLURule(Pointwise):
    """The number, or the share that its channel has learned if it is not positive."""

    function = javascript = "prelu"
    runs = True
    inputs = ("input", "slope")

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data[index]
        return add_up("x * (1 if x > 0, else slope)", {"x": x, "slope": self._slope(op, x, index[-1])})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        x = op.inputs[0].data
        if k == 0:
            return add_up("dy * (1 if x > 0, else slope)", {"dy": dy[index], "slope": self._slope(op, x[index], index[-1])})
        of_channel = x[..., index[0]]
        return add_up("sum(dy * x where x is not above 0)", {"dy": dy[..., index[0]], "x": np.where(of_channel > 0, 0, of_channel)})

    def _slope(self, op: Any, x: Any, c: int) -> Array:
        return np.asarray(1.0 if x > 0 else op.inputs[1].data[c])

    def words(self, op: Any, context: Context) -> str:
        return "Negative values are multiplied by a slope that each channel has learned."
