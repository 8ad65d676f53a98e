"""Memory for results and scratch, reused instead of returned to the system.

Why: a new array of megabytes costs a page fault for each 4 KiB, and a training step makes hundreds of such arrays. Allocating them
from the system in each step was measured to make a step several times slower.

The memory comes from the system in a few large slabs. `empty` lends a piece of one: the smallest gap between lent pieces that is large
enough. A piece that comes back is a gap again, one with the gaps beside it, so that memory of one size serves arrays of any other.

Ownership: every array that views a piece (also slices of channels) keeps the loan alive, and only the code that made the array writes to
it. When the last view is gone, the piece returns to the pool and may be lent again. No code returns a piece explicitly, so none can do it
too early.
"""

import math
from bisect import bisect_right
from collections import deque
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...array_types import Array, Shape
from ...locks import new_lock

SMALLEST = 1 << 16  # bytes; smaller arrays are left to NumPy's own cache
ALIGNMENT = 64  # bytes: one cache line, one vector of AVX-512
SLABS = 1 << 24, 1 << 28  # bytes of the first slab and at most of a later one, unless an array is larger; what is not used takes no memory
Place: TypeAlias = tuple[int, int]  # addresses: the first byte, and the one after the last


class _Loan:
    """The owner of a lent piece, which NumPy keeps as the base of the arrays that view it."""

    __slots__ = ("__array_interface__", "place", "returned", "slab")

    def __init__(self, pool: "Pool", n_bytes: int, shape: Shape, typestr: str) -> None:
        self.returned = pool.returned
        self.place, self.slab = pool.take(n_bytes)
        self.__array_interface__ = {"version": 3, "data": (self.place[0], False), "shape": shape, "typestr": typestr}

    def __del__(self) -> None:
        if hasattr(self, "place"):  # missing if Ctrl-C interrupted __init__
            self.returned.append(self.place)


class _Slab:
    """Memory from the system. touched: the address up to which it has been lent, behind which it takes no memory yet."""

    def __init__(self, n_bytes: int) -> None:
        self.memory: NDArray[np.uint8] = np.empty(n_bytes + ALIGNMENT, np.uint8)
        address = self.memory.ctypes.data
        self.start = self.touched = address + -address % ALIGNMENT
        self.end = self.start + n_bytes

    @property
    def place(self) -> Place:
        return self.start, self.end


class Pool:
    """Pieces that are lent and come back.

    Each change of `gaps` is one assignment, and what was taken out is lost, never lent twice, if Ctrl-C comes just then."""

    def __init__(self) -> None:
        self.slabs: list[_Slab] = []
        self.ends: set[int] = set()  # of the slabs
        self.gaps: list[Place] = []  # what is not lent, by address; no two touch
        self.returned: deque[Place] = deque()  # not yet gaps: a loan may end at any moment, also while the lock is held
        self.lock = new_lock()

    def empty(self, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """An uninitialised, C-contiguous array, in a piece from the pool if it is large."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes < SMALLEST:
            return np.empty(shape, dtype)
        return np.asarray(_Loan(self, n_bytes, shape, np.dtype(dtype).str))

    def take(self, n_bytes: int) -> tuple[Place, _Slab]:
        """Where a piece of this size is, from now on lent, and in which slab."""
        size = -(-n_bytes // ALIGNMENT) * ALIGNMENT
        with self.lock:
            self._join_returned()
            at = self._best_gap(size)
            if at is None:
                self._add_slab(size)
                at = self._best_gap(size)
                assert at is not None
            start, end = self.gaps[at]
            slab = self._slab_of(start)
            taken, rest = (start, start + size), [(start + size, end)] if start + size < end else []
            slab.touched = max(slab.touched, taken[1])
            self.gaps[at : at + 1] = rest
        return taken, slab

    def bytes(self) -> int:
        """How many bytes are in the pool and not lent."""
        with self.lock:
            self._join_returned()
            return sum(max(0, min(end, self._slab_of(start).touched) - start) for start, end in self.gaps)

    def release(self) -> None:
        """Returns all slabs to the system of which nothing is lent."""
        with self.lock:
            self._join_returned()
            unused = {slab.place for slab in self.slabs} & set(self.gaps)
            self.gaps = [gap for gap in self.gaps if gap not in unused]
            self._set_slabs([slab for slab in self.slabs if slab.place not in unused])

    def _best_gap(self, size: int) -> int | None:
        """The number of the smallest gap of `size` bytes or more; one at the end of a slab, perhaps untouched, if there is no other."""
        fitting = [(end in self.ends, end - start, i) for i, (start, end) in enumerate(self.gaps) if end - start >= size]
        return min(fitting)[2] if fitting else None

    def _add_slab(self, size: int) -> None:
        """A slab of `size` bytes, or as many as there are already. Unused slabs, all too small now, go: sizes may rise with each step."""
        self.release()
        least, most = SLABS
        slab = _Slab(max(size, min(most, max(least, sum(slab.end - slab.start for slab in self.slabs)))))
        self._set_slabs(sorted([*self.slabs, slab], key=lambda slab: slab.start))
        self.gaps = sorted([*self.gaps, slab.place])

    def _set_slabs(self, slabs: list[_Slab]) -> None:
        self.ends = {slab.end for slab in slabs}
        self.slabs = slabs

    def _slab_of(self, address: int) -> _Slab:
        return self.slabs[bisect_right(self.slabs, address, key=lambda slab: slab.start) - 1]

    def _join_returned(self) -> None:
        """Makes gaps of what has come back, each joined with those that it touches. Slabs do not touch: bytes of alignment are between."""
        while self.returned:
            start, end = self.returned.popleft()
            first = last = bisect_right(self.gaps, (start, end))
            if first > 0 and self.gaps[first - 1][1] == start:
                first, start = first - 1, self.gaps[first - 1][0]
            if last < len(self.gaps) and self.gaps[last][0] == end:
                last, end = last + 1, self.gaps[last][1]
            self.gaps[first:last] = [(start, end)]


_pool = Pool()
empty, pooled_bytes, release = _pool.empty, _pool.bytes, _pool.release
