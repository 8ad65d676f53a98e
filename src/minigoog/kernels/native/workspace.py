"""Memory for results and scratch, reused instead of returned to the system.

Why: a new array of megabytes costs a page fault for each 4 KiB, and a training step makes hundreds of such arrays. Allocating them
from the system in each step was measured to make a step several times slower.

Ownership: `empty` lends a block. Every array that views it (also slices of channels) keeps the loan alive, and only the code that
made the array writes to it. When the last view is gone, the block returns to the pool and may be lent again. No code returns a block
explicitly, so none can do it too early.
"""

import math
from collections import defaultdict

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...array_types import Array, Shape

SMALLEST = 1 << 16  # bytes; smaller arrays are left to NumPy's own cache
ALIGNMENT = 64  # bytes: one cache line, one vector of AVX-512
LARGEST_EXCESS = 1.5  # how many times too large a block may be: GoogLeNet's training step of batch 32 takes 1,899 MiB at 1, 1,633 at 1.5


class _Loan:
    """The owner of a lent block, which NumPy keeps as the base of the arrays that view it."""

    __slots__ = ("__array_interface__", "block", "free")

    def __init__(self, block: NDArray[np.uint8], free: dict[int, list[NDArray[np.uint8]]], shape: Shape, typestr: str) -> None:
        address = block.ctypes.data
        aligned = address + -address % ALIGNMENT
        self.block, self.free = block, free
        self.__array_interface__ = {"version": 3, "data": (aligned, False), "shape": shape, "typestr": typestr}

    def __del__(self) -> None:
        if hasattr(self, "free"):  # missing if Ctrl-C interrupted __init__
            self.free[self.block.nbytes].append(self.block)


def size_class(n_bytes: int) -> int:
    """`n_bytes` rounded up to a multiple of an eighth of its power of two: at most 12.5% waste, few different sizes."""
    step = max(1 << (n_bytes.bit_length() - 4), 1)
    return -(-n_bytes // step) * step


class Pool:
    """Blocks that are lent and come back."""

    def __init__(self) -> None:
        self.free: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)  # size in bytes -> blocks that are not lent

    def empty(self, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """An uninitialised, C-contiguous array, in a block from the pool if it is large."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes < SMALLEST:
            return np.empty(shape, dtype)
        return self.lend(self.take(size_class(n_bytes) + ALIGNMENT), shape, dtype)

    def take(self, n_bytes: int) -> NDArray[np.uint8]:
        """The smallest free block of this size or somewhat larger, or a new one."""
        try:
            return self.free[n_bytes].pop()
        except IndexError:
            fitting = [size for size, blocks in list(self.free.items()) if blocks and n_bytes < size <= LARGEST_EXCESS * n_bytes]
        try:
            return self.free[min(fitting)].pop()
        except (IndexError, ValueError):  # another thread took it, or there is none
            return np.empty(n_bytes, np.uint8)

    def lend(self, block: NDArray[np.uint8], shape: Shape, dtype: DTypeLike) -> Array:
        """An array in `block`, which returns to the pool when the array's last view is gone."""
        return np.asarray(_Loan(block, self.free, shape, np.dtype(dtype).str))

    def bytes(self) -> int:
        """How many bytes are in the pool and not lent."""
        return sum(size * len(blocks) for size, blocks in list(self.free.items()))


_pool = Pool()
empty, pooled_bytes = _pool.empty, _pool.bytes


def release() -> None:
    """Frees all blocks that are not lent."""
    _pool.free.clear()
