"""The windows of pooling."""

from typing import Any

import numpy as np

from ...array_types import Array
from ...kernels.shapes import PoolShape, pool_shape
from .breakdown import Breakdown, add_up


def pool_shape_of(op: Any) -> PoolShape:
    """The PoolShape of a max or average pooling that ran. `op.window` has the names of pool_shape's arguments."""
    return pool_shape("explain", op.inputs[0].shape, **op.window)


def pool_title(op: Any) -> str:
    """3x3, or 3x3/2 with the stride."""
    s = pool_shape_of(op)
    return f"{s.kh}\u00d7{s.kw}" + (f"/{s.stride[0]}" if s.stride[0] > 1 else "")


def pool_settings(op: Any) -> dict[str, Any]:
    """What the page needs to find a window."""
    s = pool_shape_of(op)
    return {"window": [s.kh, s.kw], "stride": s.stride, "padding": s.padding}


def spans(s: PoolShape, i: int, j: int) -> tuple[slice, slice]:
    """(rows, columns) of the map, as slices, under window (i, j) of pooling `s`."""
    rows, columns = i * s.stride[0] - s.padding[0], j * s.stride[1] - s.padding[1]
    return slice(max(rows, 0), min(rows + s.kh, s.h)), slice(max(columns, 0), min(columns + s.kw, s.w))


def covering(s: PoolShape, i: int, j: int) -> tuple[slice, slice]:
    """(rows, columns) of the windows of pooling `s` that pixel (i, j) is under."""
    both = zip((i, j), (s.kh, s.kw), s.stride, s.padding, (s.out_h, s.out_w), strict=True)
    rows, columns = (slice(max(0, -(-(at + pad - size + 1) // step)), min(n, (at + pad) // step + 1)) for at, size, step, pad, n in both)
    return rows, columns


def length(span: slice) -> int:
    """How many rows or columns a slice has."""
    return int(span.stop - span.start)


def mean(x: Array, rows: slice, columns: slice) -> Breakdown:
    """The mean of a window of a channel [h, w]."""
    window = x[rows, columns]
    share = np.full(window.shape, 1 / window.size)
    return add_up("sum(window * 1 / pixels)", {"window": window, "1 / pixels": share}, corner=(rows.start, columns.start))
