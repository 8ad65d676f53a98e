"""Memory for results and scratch, used again instead of returned to the system.

Why: an array of megabytes costs a page fault for each 4 KiB when it is new, and a training step makes hundreds of them; asking
the system anew each step has been measured to make a step several times slower.

Who may write where, and until when: `empty` lends a block. Every array that views it (slices of channels too) keeps the loan
alive, and only the code that made the array writes to it. When the last view is gone, and not before, the block returns to the
pool and may be lent again. Nobody gives a block back by hand, so nobody can do it too early.
"""

import math
from collections import defaultdict

import numpy as np

SMALLEST = 1 << 16  # bytes; below this NumPy's own cache is as good
ALIGNMENT = 64  # bytes: one cache line, one vector of AVX-512
LARGEST_EXCESS = 1.5  # a block may be so many times too large: GoogLeNet's training step of batch 32 takes 1,899 MiB at 1, 1,633 at 1.5


class _Loan:
    """The owner of a lent block, which NumPy keeps as the base of the arrays that view it."""

    __slots__ = ("__array_interface__", "block", "free")

    def __init__(self, block, free, shape, typestr):
        address = block.ctypes.data
        aligned = address + -address % ALIGNMENT
        self.block, self.free = block, free
        self.__array_interface__ = {"version": 3, "data": (aligned, False), "shape": shape, "typestr": typestr}

    def __del__(self):
        if hasattr(self, "free"):  # not if Ctrl-C came between its making and the end of __init__
            self.free[self.block.nbytes].append(self.block)


def size_class(n_bytes):
    """`n_bytes` rounded up to a multiple of an eighth of its power of two: at most 12.5% waste, few different sizes."""
    step = max(1 << (n_bytes.bit_length() - 4), 1)
    return -(-n_bytes // step) * step


class Pool:
    """Blocks that are lent and come back."""

    def __init__(self):
        self.free = defaultdict(list)  # size in bytes -> blocks that nobody uses

    def empty(self, shape, dtype=np.float32):
        """An uninitialised, C-contiguous array, in a block from the pool if it is large."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes < SMALLEST:
            return np.empty(shape, dtype)
        return self.lend(self.take(size_class(n_bytes) + ALIGNMENT), shape, dtype)

    def take(self, n_bytes):
        """A free block of this size or somewhat larger, the smallest there is, or a new one."""
        try:
            return self.free[n_bytes].pop()
        except IndexError:
            fitting = [size for size, blocks in list(self.free.items()) if blocks and n_bytes < size <= LARGEST_EXCESS * n_bytes]
        try:
            return self.free[min(fitting)].pop()
        except (IndexError, ValueError):  # another thread was faster, or there is none
            return np.empty(n_bytes, np.uint8)

    def lend(self, block, shape, dtype):
        """An array in `block`, which comes back when the array's last view is gone."""
        return np.asarray(_Loan(block, self.free, shape, np.dtype(dtype).str))

    def bytes(self):
        """How much memory lies in the pool, lent to nobody."""
        return sum(size * len(blocks) for size, blocks in self.free.items())


_pool = Pool()
empty, pooled_bytes = _pool.empty, _pool.bytes


def release():
    """Returns the blocks that nobody uses to the system."""
    _pool.free.clear()
