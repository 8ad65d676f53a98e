"""The windows of pooling."""

from typing import Any

import numpy as np

from ...array_types import Array, IntArray
from ...kernels.shapes import ConvShape, PoolShape, pool_shape
from .breakdown import Breakdown, add_up


def pool_shape_of(op: Any) -> PoolShape:
    """The PoolShape of a max or average pooling that ran. `op.window` has the names of pool_shape's arguments."""
    return pool_shape("explain", op.inputs[0].shape, **op.window)


def window_title(s: ConvShape | PoolShape) -> str:
    """3x3, or 3x3/2 with the stride."""
    return f"{s.kh}\u00d7{s.kw}" + (f"/{s.stride[0]}" if s.stride[0] > 1 else "")


def window_settings(s: ConvShape | PoolShape) -> dict[str, Any]:
    """What the page needs to find a window."""
    return {"window": [s.kh, s.kw], "stride": s.stride, "padding": s.padding, "dilation": s.dilation}


def spans(s: PoolShape, i: int, j: int) -> tuple[slice, slice]:
    """(rows, columns) of the map, as slices, under window (i, j) of pooling `s`."""
    rows, columns = (_span(s, axis, at, 0, s.x[1 + axis]) for axis, at in enumerate((i, j)))
    return rows, columns


def _span(s: PoolShape, axis: int, at: int, first: int, end: int) -> slice:
    """The pixels of window `at` along an axis that are from `first` to `end` - 1."""
    start, step = at * s.stride[axis] - s.padding[axis], s.dilation[axis]
    return slice(start if start >= first else first + (start - first) % step, min(start + s.span[axis], end), step)


def divisors(s: PoolShape, rows: IntArray, columns: IntArray) -> IntArray:
    """By how many pixels the mean of each window in these rows and columns divides: [rows, columns]."""
    counts = []
    for axis, windows in enumerate((rows, columns)):
        first, end = (-s.padding[axis], s.x[1 + axis] + s.padding[2 + axis]) if s.count_padding else (0, s.x[1 + axis])
        counts.append(np.array([length(_span(s, axis, int(at), first, end)) for at in windows]))
    product: IntArray = counts[0][:, None] * counts[1]
    return product


def covering(s: PoolShape, i: int, j: int) -> tuple[IntArray, IntArray]:
    """(rows, columns) of the windows of pooling `s` that pixel (i, j) is under."""
    found = []
    for axis, at in enumerate((i, j)):
        distance = at + s.padding[axis] - np.arange(s.y[1 + axis]) * s.stride[axis]  # from the first pixel of each window
        found.append(np.flatnonzero((distance >= 0) & (distance < s.span[axis]) & (distance % s.dilation[axis] == 0)))
    return found[0], found[1]


def length(span: slice) -> int:
    """How many rows or columns a slice has."""
    return len(range(span.start, span.stop, span.step or 1))


def mean(x: Array, rows: slice, columns: slice, pixels: int | None = None) -> Breakdown:
    """The mean of a window of a channel [h, w]; `pixels`: by how many it divides, if not by those of the window."""
    window = x[rows, columns]
    share = np.full(window.shape, 1 / (pixels or window.size))
    return add_up("sum(window * 1 / pixels)", {"window": window, "1 / pixels": share}, corner=(rows.start, columns.start))
