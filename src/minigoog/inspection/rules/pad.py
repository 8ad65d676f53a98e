"""Padding."""

from typing import Any

from ...array_types import Array, Shape
from ...ops.pad import Pad
from .breakdown import Breakdown, copied
from .rule import Context, Rule, Window, rule_for
from .taps import from_taps, tap_settings, to_taps


@rule_for(Pad)
class PadRule(Rule):
    """The number at the place less the padding before it; in the padding, a constant or another number of the map."""

    function = javascript = "pad"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        if op.mode != "constant":
            return from_taps(op, index)
        n, i, j, c = index
        (top, left, *_), (_, h, w, _) = op.padding, op.inputs[0].shape
        if 0 <= i - top < h and 0 <= j - left < w:
            return copied(f"x{[n, i - top, j - left, c]}", op.inputs[0].data[n, i - top, j - left, c])
        return Breakdown("value: in the padding", {}, op.value)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        if op.mode != "constant":
            return to_taps(op, dy, index)
        n, i, j, c = index
        source = (n, i + op.padding[0], j + op.padding[1], c)
        return copied(f"dy{list(source)}", dy[source])

    def window(self, op: Any) -> Window | None:
        farthest = {"constant": 0, "edge": 1, "reflect": 2}[op.mode] * max(op.padding)  # how far from its own place a number may come
        size = 2 * farthest + 1
        return Window((size, size), (1, 1), (op.padding[0] + farthest, op.padding[1] + farthest))

    def settings(self, op: Any) -> dict[str, Any]:
        constant = {"padding": list(op.padding), "value": op.value, "taps": None}
        return constant if op.mode == "constant" else constant | {"taps": tap_settings(op)}

    def words(self, op: Any, context: Context) -> str:
        what = {"constant": f"the value {op.value:g}", "reflect": "the map's mirror image", "edge": "the map's edge, repeated"}[op.mode]
        top, left, bottom, right = op.padding
        return f"The map with {top} rows above, {bottom} below, {left} columns left and {right} right: {what}."
