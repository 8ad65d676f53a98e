"""The memory of a plan: buffers, which get their place once all their uses are known, and maps, which are views of them."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ...array_types import Array, Shape

NOWHERE, CONSTANTS, ARENA, PRIVATE, INPUT, OUTPUT = range(6)  # areas: enum mg_area; the outputs are OUTPUT, OUTPUT + 1, ...
ALIGNMENT = 16  # floats: 64 bytes, one cache line, one vector of AVX-512


class Buffer:
    """`size` floats somewhere in an area. In the arena and in PRIVATE its offset is decided by `allocate`.

    PRIVATE: each thread has one, for the image, or the rows of it, that it is working on."""

    def __init__(self, size: int, area: int = ARENA, offset: int = 0) -> None:
        self.size, self.area, self.offset = size, area, offset


class Map(NamedTuple):
    """A feature map of `shape` (n, h, w, c) in a buffer, from its float number `first` on; `ld` floats from one pixel to the next."""

    buffer: Buffer
    shape: Shape
    first: int
    ld: int

    @property
    def dense(self) -> bool:
        """Whether the pixels are contiguous."""
        return self.ld == self.shape[-1]

    @property
    def whole(self) -> bool:
        """Whether the map fills its buffer."""
        return self.buffer.size == math.prod(self.shape)

    @property
    def image(self) -> int:
        """Floats from one image to the next."""
        return 0 if self.buffer.area == PRIVATE else math.prod(self.shape[1:3]) * self.ld

    def channels(self, start: int, count: int) -> "Map":
        """The map of `count` channels from `start` on."""
        return self._replace(shape=(*self.shape[:3], count), first=self.first + start)


def new_map(shape: Sequence[int], area: int = ARENA) -> Map:
    """A map that fills a new buffer."""
    return Map(Buffer(math.prod(shape), area), tuple(shape), 0, shape[-1])


def view(areas: Sequence[Array], m: Map, shape: Shape) -> Array:
    """The map `m` as an array of `shape`, whose last axis has the map's channels; areas: the array of each area."""
    area = areas[m.buffer.area].reshape(-1)[m.buffer.offset + m.first :]
    pixels = [m.ld * math.prod(shape[i + 1 : -1]) for i in range(len(shape) - 1)]
    return np.lib.stride_tricks.as_strided(area, shape, [area.itemsize * step for step in (*pixels, 1)[-len(shape) :]])


def lifetimes(touched: Iterable[Iterable[Buffer]], area: int) -> dict[Buffer, tuple[int, int]]:
    """{buffer: (first call, last call)} of the buffers in an area; touched[i]: the buffers that call i reads or writes."""
    lives: dict[Buffer, tuple[int, int]] = {}
    for call, buffers in enumerate(touched):
        for buffer in buffers:
            if buffer.area == area:
                lives[buffer] = (lives.get(buffer, (call,))[0], call)
    return lives


def allocate(lives: dict[Buffer, tuple[int, int]]) -> int:
    """Gives each buffer an offset so that no two buffers in use at the same time overlap; returns the number of floats needed.

    The largest come first, each at the lowest offset that is free during its whole lifetime."""
    placed: list[Buffer] = []
    total = 0
    for buffer in sorted(lives, key=lambda b: -b.size):  # sorted() is stable: equal sizes stay in the order of the calls
        first, last = lives[buffer]
        rivals = sorted((b.offset, b.offset + b.size) for b in placed if lives[b][0] <= last and first <= lives[b][1])
        buffer.offset = _lowest_gap(buffer.size, rivals)
        placed.append(buffer)
        total = max(total, buffer.offset + buffer.size)
    return total


def _lowest_gap(size: int, taken: Sequence[tuple[int, int]]) -> int:
    """The lowest aligned offset at which `size` floats fit between the intervals `taken`, sorted."""
    offset = 0
    for start, end in taken:
        if offset + size <= start:
            break
        offset = max(offset, -(-end // ALIGNMENT) * ALIGNMENT)
    return offset
