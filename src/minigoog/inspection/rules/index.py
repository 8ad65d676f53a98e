"""A part of an array."""

from typing import Any

import numpy as np

from ...array_types import Array, IntArray, Shape
from ...ops.index import Index
from .breakdown import Breakdown, add_up, copied
from .rule import Context, Rule, rule_for


@rule_for(Index)
class IndexRule(Rule):
    """The number that was selected. In general it is not known which pixels it depends on."""

    function = javascript = "index"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data
        source = tuple(int(i) for i in np.unravel_index(_sources(op)[index], x.shape))
        return copied(f"x{list(source)}", x[source])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        here = np.ravel_multi_index(index, op.inputs[0].shape)
        selected = dy[_sources(op) == here]  # more than one where an index array has it twice
        return add_up("sum(dy where it was selected)", {"dy where it was selected": selected})

    def indices(self, op: Any) -> dict[str, IntArray]:
        return {"sources": _sources(op)}

    def words(self, op: Any, context: Context) -> str:
        return "A part of the values."


def _sources(op: Any) -> IntArray:
    """For each number of the output its flat index in the input."""
    x = op.inputs[0]
    return np.asarray(np.arange(x.size).reshape(x.shape)[op.index])
