"""Weights in our layout: the one copy that is made of what a file stores, whose memory is let go of as it is read."""

import mmap

import numpy as np

from ..array_types import Array, Shape
from ..nn.stored import StoredParameter
from .folding import Constant
from .pending import Vector

BLOCK = 32  # output channels copied at a time: what they come from stays in the cache (VGG's first linear layer: 4 times as fast)


def laid_out(view: Constant, scale: Vector) -> Array:
    """A new array of a view of weights whose last axis is the output channels, each times its scale, in float64."""
    y = np.empty(view.shape, np.float32)
    ones = bool((scale == 1).all())
    for start in range(0, view.shape[-1], BLOCK):
        block = (..., slice(start, start + BLOCK))
        with np.errstate(all="ignore"):  # of values that are not finite, or huge: `load` refuses those
            y[block] = view[block] if ones else view[block] * scale[block[1]]
        let_go(view[block])
    let_go(view)
    return y


def stored(view: Constant, scale: Vector, shape: Shape) -> StoredParameter:
    """The parameter of this shape that such a view will make when it is needed."""

    def part(columns: slice) -> Array:
        return laid_out(view[..., columns], scale[columns]).reshape(*shape[:-1], -1)

    return StoredParameter(shape, part)


def let_go(array: Constant) -> None:
    """If an array without gaps is part of a mapped file, frees the memory that its pages take; they are read again if they are used."""
    mapped, first = _mapping(array), array.__array_interface__["data"][0]
    end = first + sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)) + array.itemsize
    if mapped is None or end - first != array.nbytes or min(array.strides, default=0) < 0 or not hasattr(mmap, "MADV_DONTNEED"):
        return
    origin = np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]
    start = -(-(first - origin) // mmap.PAGESIZE) * mmap.PAGESIZE  # whole pages only
    length = end - origin - start
    if length > mmap.PAGESIZE:
        mapped.madvise(mmap.MADV_DONTNEED, start, length)


def _mapping(array: Constant) -> mmap.mmap | None:
    """The mapped file that an array is part of."""
    base = array.base
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base if isinstance(base, mmap.mmap) else None
