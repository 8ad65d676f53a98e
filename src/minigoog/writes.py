"""Which memory this package has written to, and when, so that backward notices when an array that it needs has been overwritten.

Writes are kept for each array that owns memory and forgotten when it dies: memory that is used again starts without any.
"""

import itertools
import weakref
from typing import Any, NamedTuple

import numpy as np

from .array_types import Array

_ticks = itertools.count(1)
now = _ticks.__next__  # the next moment, a number larger than all before


class _Region:
    """The place and shape of an array; NumPy makes an array of it. Not a reference, which would keep the memory alive."""

    def __init__(self, interface: dict[str, Any]):
        self.__array_interface__ = interface


class _Write(NamedTuple):
    """The last write to a region."""

    region: _Region
    tick: int
    by: str


_writes: dict[int, tuple["weakref.ref[Array]", dict[Any, _Write]]] = {}  # id of the owner -> the owner, its regions


def note(a: Array, by: str, tick: int | None = None) -> None:
    """Records that `by`, the name of an operation or function, has written to the array `a`."""
    owner = _owner(a)
    key, interface = id(owner), a.__array_interface__
    if key not in _writes:
        _writes[key] = weakref.ref(owner, lambda _: _writes.pop(key, None)), {}
    place = interface["data"][0], interface["shape"], interface["strides"]
    _writes[key][1][place] = _Write(_Region(interface), now() if tick is None else tick, by)


def since(a: Array, tick: int) -> str | None:
    """Who has written to the memory of `a` after the moment `tick`; None if there was no such write."""
    entry = _writes.get(id(_owner(a)))
    if entry is None:
        return None
    for write in list(entry[1].values()):  # a copy: another thread may write
        if write.tick > tick and np.shares_memory(np.asarray(write.region), a):  # slices of channels do not overlap
            return write.by
    return None


def _owner(a: Array) -> Array:
    """The array at the end of the chain of views that `a` belongs to."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a
