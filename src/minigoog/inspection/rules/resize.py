"""Resizing."""

from typing import Any

from ...array_types import Array, Shape
from ...ops.resize import Resize
from .breakdown import Breakdown
from .rule import Context, Rule, Window, rule_for
from .taps import from_taps, tap_settings, to_taps

BEFORE = {"floor": 1, "ceil": 0, "round_prefer_floor": 0.5, "round_prefer_ceil": 0.5}  # how far before its place the nearest pixel begins


@rule_for(Resize)
class ResizeRule(Rule):
    """The nearest number, or the mean of the four around its place in the map."""

    function = javascript = "resize"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return from_taps(op, index)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return to_taps(op, dy, index)

    def window(self, op: Any) -> Window | None:
        axes = zip(op.inputs[0].shape[1:3], op.y.shape[1:3], op.scale or (None, None), strict=True)
        size, before = (3.0, 1.0) if op.mode == "linear" else (2.0, BEFORE[op.rounding])
        (row, down), (column, right) = (_first_and_step(op.places(n, out, scale or out / n), n) for n, out, scale in axes)
        return Window((size, size), (down, right), (before - row, before - column))

    def settings(self, op: Any) -> dict[str, Any]:
        return {"taps": tap_settings(op)}

    def title(self, op: Any) -> str:
        return f"resize to {op.y.shape[1]}\u00d7{op.y.shape[2]}"

    def words(self, op: Any, context: Context) -> str:
        how = "the nearest pixel" if op.mode == "nearest" else "the mean of the four pixels around its place, the nearer the more"
        return f"The map resized to {op.y.shape[1]}x{op.y.shape[2]} pixels: each is {how}."


def _first_and_step(places: Array, n: int) -> tuple[float, float]:
    """The first of evenly spaced places on an axis of `n`, and the distance to the next."""
    return round(float(places[0]), 6), round(float(places[1] - places[0]), 6) if len(places) > 1 else float(n)
