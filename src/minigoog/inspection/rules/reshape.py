"""The same numbers in another shape."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.reshape import Reshape
from .breakdown import Breakdown, copied
from .rule import Context, Pointwise, rule_for


@rule_for(Reshape)
class ReshapeRule(Pointwise):
    """The number at the same flat index."""

    function = javascript = "reshape"

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data
        source = _same_place(index, op.y.shape, x.shape)
        return copied(f"x{list(source)}", x[source])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        source = _same_place(index, op.inputs[0].shape, dy.shape)
        return copied(f"dy{list(source)}", dy[source])

    def words(self, op: Any, context: Context) -> str:
        return "The same values in another shape."


def _same_place(index: Shape, shape: Shape, other: Shape) -> Shape:
    """The index in an array of shape `other` of the number that is at `index` in one of shape `shape`."""
    return tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, shape), other))
