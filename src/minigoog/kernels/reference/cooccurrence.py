"""How often two channels of binary maps are on together, by their offset in pixels."""

import numpy as np

from ...array_types import BoolArray, IntArray
from ..shapes import counts_shape


def cooccurrences(maps: BoolArray, radius: int = 0) -> IntArray:
    """counts int32 [c, 2 radius + 1, 2 radius + 1, c] of binary `maps` [n, h, w, c]: counts[a, radius + dy, radius + dx, b] is the number
    of pixels (y, x) of all images where channel a is on and channel b is on at (y + dy, x + dx)."""
    counts = np.zeros(counts_shape("cooccurrences", maps, radius), np.int32)
    h, w = maps.shape[1:3]
    x = maps.astype(np.float64)
    for dy in range(-min(radius, h), min(radius, h) + 1):
        for dx in range(-min(radius, w), min(radius, w) + 1):
            here = x[:, max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)]
            there = x[:, max(0, dy) : h - max(0, -dy), max(0, dx) : w - max(0, -dx)]
            counts[:, radius + dy, radius + dx] = np.tensordot(here, there, ((0, 1, 2), (0, 1, 2)))
    return counts
