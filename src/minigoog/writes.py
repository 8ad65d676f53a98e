"""Which memory this package has written to, and when, so that backward notices when an array that it needs has been overwritten.

Only writes to watched memory are recorded: that of arrays which a recorded operation has kept or returned. Memory is identified by the
array that owns it and forgotten when that array dies, so reused memory starts without records.
"""

import itertools
import weakref
from typing import Any, NamedTuple

import numpy as np

from .array_types import Array
from .locks import new_lock

now = itertools.count(1).__next__  # the next moment, a number larger than all before
_latest = 0  # the moment of the last recorded write
_lock = new_lock()


class _Region:
    """The place and shape of an array; NumPy makes an array of it. Not a reference, which would keep the memory alive."""

    def __init__(self, interface: dict[str, Any]):
        self.__array_interface__ = interface


class _Write(NamedTuple):
    """The last write to a region; None: to all of the owner's memory."""

    region: _Region | None
    tick: int
    by: str


_watched: dict[int, tuple["weakref.ref[Array]", dict[Any, _Write]]] = {}  # id of the owner -> the owner, the last writes by place


def watch(a: Array) -> None:
    """Has writes to the memory of `a` recorded from now on."""
    owner = _owner(a)
    key = id(owner)
    if key not in _watched:
        with _lock:  # setdefault: another thread may watch the same array, and have recorded writes
            _watched.setdefault(key, (weakref.ref(owner, lambda _: _watched.pop(key, None)), {}))


def note(a: Array, by: str, tick: int | None = None) -> None:
    """Records that `by`, the name of an operation or function, has written to the array `a`, if its memory is watched."""
    global _latest
    owner = _owner(a)
    if id(owner) not in _watched:
        return
    place, region = None, None
    if a is not owner:
        interface = a.__array_interface__
        place, region = (interface["data"][0], interface["shape"], interface["strides"]), _Region(interface)
    with _lock:
        write = _Write(region, now() if tick is None else tick, by)
        _watched[id(owner)][1][place] = write
        _latest = max(_latest, write.tick)


def since(a: Array, tick: int) -> str | None:
    """Who has written to the memory of `a` after the moment `tick`; None if there was no such write."""
    entry = _watched.get(id(_owner(a))) if tick < _latest else None
    if entry is None:
        return None
    for write in list(entry[1].values()):  # a copy: another thread may write
        if write.tick > tick and (write.region is None or np.shares_memory(np.asarray(write.region), a)):
            return write.by  # slices of different channels share an owner but no memory
    return None


def _owner(a: Array) -> Array:
    """The array at the end of the chain of views that `a` belongs to."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a
