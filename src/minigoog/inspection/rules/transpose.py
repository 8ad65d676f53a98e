"""The same numbers with axes or channels in another order."""

from typing import Any

import numpy as np

from ...array_types import Array, IntArray, Shape
from ...ops.transpose import ChannelShuffle, Transpose
from .breakdown import Breakdown, copied
from .rule import Context, Pointwise, Rule, Window, rule_for


@rule_for(Transpose)
class TransposeRule(Rule):
    """The number with its place's coordinates in another order."""

    function = javascript = "transpose"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        source = tuple(index[i] for i in np.argsort(op.axes))
        return copied(f"x{list(source)}", op.inputs[0].data[source])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        source = tuple(index[i] for i in op.axes)
        return copied(f"dy{list(source)}", dy[source])

    def window(self, op: Any) -> Window | None:
        return None  # rows and columns are in another place, if they are still there

    def indices(self, op: Any) -> dict[str, IntArray]:
        x = op.inputs[0]
        return {"sources": np.arange(x.size).reshape(x.shape).transpose(op.axes)}

    def words(self, op: Any, context: Context) -> str:
        return f"The same values with the axes in the order {', '.join(map(str, op.axes))}."


@rule_for(ChannelShuffle)
class ChannelShuffleRule(Pointwise):
    """The same number of another channel."""

    function = javascript = "channel_shuffle"

    def output(self, op: Any, index: Shape) -> Breakdown:
        place, group = divmod(index[-1], op.groups)
        source = (*index[:-1], group * (op.y.shape[-1] // op.groups) + place)
        return copied(f"x{list(source)}", op.inputs[0].data[source])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        group, place = divmod(index[-1], op.y.shape[-1] // op.groups)
        source = (*index[:-1], place * op.groups + group)
        return copied(f"dy{list(source)}", dy[source])

    def settings(self, op: Any) -> dict[str, Any]:
        return {"groups": op.groups}

    def words(self, op: Any, context: Context) -> str:
        return f"The channels of {op.groups} groups in turn, so that the next grouped convolution sees some of each."
