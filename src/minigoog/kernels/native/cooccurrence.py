"""How often two channels of binary maps are on together, by their offset in pixels (csrc/cooccurrence.c)."""

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import BoolArray, IntArray
from ...checks import LARGEST
from ..shapes import counts_shape
from . import machine
from .pointers import dense


def cooccurrences(maps: BoolArray, radius: int = 0) -> IntArray:
    """counts int32 [c, 2 radius + 1, 2 radius + 1, c] of binary `maps` [n, h, w, c]: counts[a, radius + dy, radius + dx, b] is the number
    of pixels (y, x) of all images where channel a is on and channel b is on at (y + dy, x + dx)."""
    where = "cooccurrences"
    counts = np.empty(counts_shape(where, maps, radius), np.int32)
    starts, channels = _lists(where, maps)
    geometry = ffi.new("struct mg_maps *", (*maps.shape, radius))
    lib.mg_cooccurrences(geometry, *(dense(where, "maps", a, "int32_t[]") for a in (starts, channels, counts)), machine.current())
    return counts


def _lists(where: str, maps: BoolArray) -> tuple[IntArray, IntArray]:
    """(starts, channels): the channels that are on, pixel after pixel, and where those of each pixel start."""
    rows = maps.reshape(-1, maps.shape[3]) if maps.size else np.zeros((int(np.prod(maps.shape[:3])), 0), bool)
    on = np.count_nonzero(rows, axis=1)
    if on.sum() > LARGEST:
        raise ValueError(f"{where}: {on.sum()} of `maps` are on, expected at most {LARGEST}")
    starts = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(on, out=starts[1:])
    return starts, np.nonzero(rows)[1].astype(np.int32)
