"""Records which memory this package has written to, and when, so that backward detects that an array it needs was overwritten.

Writes are stored for each array that owns memory and dropped when the array is freed, so reused memory starts without any.
"""

import itertools
import threading
import weakref
from typing import Any, NamedTuple

import numpy as np

from .array_types import Array

now = itertools.count(1).__next__  # a counter as clock: each call returns a larger number
_latest = 0  # the time of the last write to any array
_lock = threading.Lock()


class _Region:
    """The address and shape of an array, which NumPy can turn into an array. It is no reference, so it does not keep the memory alive."""

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
    global _latest
    owner, tick = _owner(a), now() if tick is None else tick
    key, interface = id(owner), a.__array_interface__
    place = interface["data"][0], interface["shape"], interface["strides"]
    with _lock:
        if key not in _writes:
            _writes[key] = weakref.ref(owner, lambda _: _writes.pop(key, None)), {}
        _writes[key][1][place] = _Write(_Region(interface), tick, by)
        _latest = max(_latest, tick)


def since(a: Array, tick: int) -> str | None:
    """The name of what wrote to the memory of `a` after time `tick`; None if there was no such write."""
    entry = _writes.get(id(_owner(a))) if tick < _latest else None
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
