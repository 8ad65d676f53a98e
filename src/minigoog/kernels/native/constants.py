"""The packed weights and biases of plans, in one array."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from ...array_types import Array
from .arena import ALIGNMENT, CONSTANTS, Buffer
from .plan import Packed


def aligned(size: int) -> Array:
    """`size` floats, aligned to 64 bytes, of memory of their own: what lives as long as a plan would divide that of the pool."""
    room: Array = np.empty(size + ALIGNMENT, np.float32)
    first = -room.ctypes.data % (4 * ALIGNMENT) // 4
    return room[first : first + size]


class Constants:
    """Room for `arrays`, into which they are written one by one. several: for several plans, of which what is the same exists once."""

    def __init__(self, arrays: Iterable[Packed | Array], several: bool = False) -> None:
        self.room, self.end = aligned(sum(_room(a.size) for a in arrays)), 0  # what is not written takes no memory
        self.known: dict[bytes, Buffer] | None = {} if several else None

    def place(self, a: Packed | Array) -> Buffer:
        """Writes an array, and says where."""
        there, buffer = self.room[self.end : self.end + a.size], Buffer(a.size, CONSTANTS, self.end)
        if isinstance(a, Packed):
            a.write(out=there)
        else:
            there[...] = a
        if self.known is not None:
            digest = blake2b(there.view(np.uint8).data, digest_size=16).digest()
            if (known := self.known.setdefault(digest, buffer)) is not buffer:
                return known
        end = self.end + _room(a.size)
        self.room[self.end + a.size : end] = 0
        self.end = end
        return buffer

    @property
    def array(self) -> Array:
        """What has been written."""
        return self.room[: self.end]


def _room(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
