"""The memory of a plan: buffers that are placed only when all their uses are known, and maps, which are views of them."""

import math
from typing import NamedTuple

import numpy as np

NOWHERE, CONSTANTS, ARENA, INPUT, OUTPUT = range(5)  # areas: enum mg_area; the outputs are OUTPUT, OUTPUT + 1, ...
ALIGNMENT = 16  # floats: 64 bytes, one cache line, one vector of AVX-512


class Buffer:
    """`size` floats somewhere in an area. In the arena its offset is decided by `allocate`."""

    def __init__(self, size, area=ARENA, offset=0):
        self.size, self.area, self.offset = size, area, offset


class Map(NamedTuple):
    """A feature map of `shape` (n, h, w, c) in a buffer: `first` floats after its begin, pixels `pixel` floats apart."""

    buffer: Buffer
    shape: tuple
    first: int
    pixel: int

    @property
    def dense(self):
        """Whether nothing lies between the pixels."""
        return self.pixel == self.shape[-1]

    @property
    def whole(self):
        """Whether the map is all of its buffer."""
        return self.buffer.size == math.prod(self.shape)

    def channels(self, start, count):
        """The map of `count` channels from `start` on."""
        return self._replace(shape=(*self.shape[:3], count), first=self.first + start)


def new_map(shape, area=ARENA):
    """A map that is all of a new buffer."""
    return Map(Buffer(math.prod(shape), area), tuple(shape), 0, shape[-1])


def view(areas, m, shape):
    """The map `m` as an array of `shape`, whose last axis is the map's channels; areas: the array of each area."""
    area = areas[m.buffer.area].reshape(-1)[m.buffer.offset + m.first :]
    pixels = [m.pixel * math.prod(shape[i + 1 : -1]) for i in range(len(shape) - 1)]
    return np.lib.stride_tricks.as_strided(area, shape, [area.itemsize * step for step in (*pixels, 1)[-len(shape) :]])


def lifetimes(touched):
    """{buffer: (first step, last step)} of the buffers in the arena; touched[i]: the buffers that step i reads or writes."""
    lives = {}
    for step, buffers in enumerate(touched):
        for buffer in buffers:
            if buffer.area == ARENA:
                lives[buffer] = (lives.get(buffer, (step,))[0], step)
    return lives


def allocate(lives):
    """Gives each buffer an offset such that no two that live at the same time overlap; returns how many floats that takes.

    The largest first, each at the lowest place that is free during its whole life."""
    placed, total = [], 0
    for buffer in sorted(lives, key=lambda b: -b.size):  # sorted() is stable: equal sizes stay in the order of the steps
        first, last = lives[buffer]
        rivals = sorted((b.offset, b.offset + b.size) for b in placed if lives[b][0] <= last and first <= lives[b][1])
        buffer.offset = _lowest_gap(buffer.size, rivals)
        placed.append(buffer)
        total = max(total, buffer.offset + buffer.size)
    return total


def _lowest_gap(size, taken):
    """The lowest aligned offset at which `size` floats fit between the intervals `taken`, sorted."""
    offset = 0
    for start, end in taken:
        if offset + size <= start:
            break
        offset = max(offset, -(-end // ALIGNMENT) * ALIGNMENT)
    return offset
