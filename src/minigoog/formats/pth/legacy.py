"""The format of torch.save before PyTorch 1.6: pickles of a number, a version, facts about the machine, the object, and the keys of the
storages; then, for each key, the count of its elements (8 bytes) and the elements, little-endian."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pickles import Reader
from ...text import short
from .pickled import Storage, TorchReader

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


def load(data: bytes) -> tuple[Any, Callable[[Storage], NDArray[np.uint8]]]:
    """(the object that was saved, a function that gives the bytes of a storage) of a file's bytes."""
    number, at = _plain(data, 0)
    if number != MAGIC:
        raise ValueError("it is a pickle, but not one of torch.save")
    version, at = _plain(data, at)
    if version != VERSION:
        raise ValueError(f"it has version {short(version)}, expected {VERSION}")
    _, at = _plain(data, at)
    reader = TorchReader(data, at)
    value = reader.load()
    keys, at = _plain(data, reader.at)
    places = _places(data, at, keys, reader.storages)

    def read(storage: Storage) -> NDArray[np.uint8]:
        if storage.key not in places:
            raise ValueError(f"it has no storage {short(storage.key)}")
        start, stop = places[storage.key]
        return np.frombuffer(data, np.uint8, stop - start, start).copy()  # aligned

    return value, read


def _plain(data: bytes, at: int) -> tuple[Any, int]:
    """(value of the pickle that begins here, where the next begins)"""
    reader = Reader(data, at)
    return reader.load(), reader.at


def _places(data: bytes, at: int, keys: Any, storages: dict[str, Storage]) -> dict[str, tuple[int, int]]:
    """Where the bytes of each storage begin and end."""
    if not isinstance(keys, list):
        raise ValueError(f"its list of storages is {short(keys)}")
    places = {}
    for key in keys:
        storage = storages.get(key.decode() if isinstance(key, bytes) else key) if isinstance(key, (str, bytes)) else None
        if storage is None:
            raise ValueError(f"it lists the storage {short(key)}, which no tensor has")
        begin = at + 8
        count, size = int.from_bytes(data[at:begin], "little"), storage.n_bytes
        if count != storage.size or begin + size > len(data):
            raise ValueError(f"storage {short(key)} has {count} elements, or the file ends within them, expected {storage.size}")
        places[storage.key], at = (begin, begin + size), begin + size
    return places
