"""Channels side by side."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.concat import Concat
from .breakdown import Breakdown, copied
from .rule import Context, Pointwise, rule_for


@rule_for(Concat)
class ConcatRule(Pointwise):
    """The same number in the input that has this channel."""

    function = javascript = kind = "concat"
    joins = True
    back = "Each branch gets the gradient of its own channels. Nothing is copied here either."

    def output(self, op: Any, index: Shape) -> Breakdown:
        k = int(np.searchsorted(op.bounds, index[-1], side="right"))
        source = (*index[:-1], index[-1] - (int(op.bounds[k - 1]) if k else 0))
        return copied(f"input {k}{list(source)}", op.inputs[k].data[source])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        source = (*index[:-1], index[-1] + (int(op.bounds[k - 1]) if k else 0))
        return copied(f"dy{list(source)}", dy[source])

    def words(self, op: Any, context: Context) -> str:
        widths = " + ".join(str(x.shape[-1]) for x in op.inputs)
        return f"The branches side by side: {widths} channels. Nothing is copied: each branch wrote to its slice of this map."
