"""Protocol Buffers' binary format, read field by field from a file: only its arrays are ever held, each once.

(https://protobuf.dev/programming-guides/encoding)"""

import os
import struct
from io import BufferedReader
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .schema import ARRAYS, BY_NUMBER, MESSAGES, Field, Message, Values

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # the wire types; 3 and 4, of groups, occur in no file of Caffe
TYPES = {"int": VARINT, "bool": VARINT, "float": FOUR_BYTES}  # of single values; enumerations are VARINT
NUMBERS = {"floats": (FOUR_BYTES, 4), "doubles": (EIGHT_BYTES, 8)}  # wire type of a value in an array, its bytes
LONGEST_TEXT = 4000  # bytes
FIRST_RUN, LONGEST_RUN = 16, 1 << 16  # values of an array that are looked for at once where each has its own key


def read(file: BufferedReader) -> Message:
    """The network in an open file, arrays as NumPy arrays of float32 or float64; ValueError if it has other bytes than such a message."""
    net: Message = {}
    size = os.fstat(file.fileno()).st_size
    _Wire(file).message("Net", net, size)
    return net


class _Wire:
    """`at`: the position in the file. Every part ends inside the one around it, so that no length leads past the end of the file."""

    def __init__(self, file: BufferedReader) -> None:
        self.file, self.at, self.values = file, 0, Values()

    # ---- messages ----

    def message(self, kind: str, message: Message, end: int) -> None:
        """Adds the fields up to `end` to a message; what the schema does not have is skipped."""
        fields = BY_NUMBER[kind]
        while self.at < end:
            key = self.varint(end)
            field = fields.get(key >> 3)
            if field is None:
                self.skip(key & 7, end)
            else:
                self.field(field, key & 7, message, end)

    def field(self, field: Field, wire: int, message: Message, end: int) -> None:
        """Adds the field whose key has just been read."""
        kind = field.kind
        if kind in MESSAGES and wire == LENGTH:
            self.message(kind, self.values.part(message, field), self.length(end))
        elif kind == "text" and wire == LENGTH:
            self.values.add(message, field, self.text(end))
        elif kind in ARRAYS and wire in (LENGTH, NUMBERS[kind][0]):
            self.values.add(message, field, self.array(field, wire, end))
        elif wire == TYPES.get(kind, VARINT) and kind not in (*MESSAGES, *ARRAYS, "text"):
            self.values.add(message, field, self.scalar(kind, end))
        elif wire == LENGTH and field.many:
            stop = self.length(end)
            while self.at < stop:
                self.values.add(message, field, self.scalar(kind, stop))
        else:
            raise ValueError(f"`{field.name}` has the wire type {wire} at byte {self.at}")

    def skip(self, wire: int, end: int) -> None:
        """Goes on behind a field of no interest."""
        if wire == VARINT:
            self.varint(end)
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            self.move(self.at + (8 if wire == EIGHT_BYTES else 4), end)
        elif wire == LENGTH:
            self.move(self.length(end), end)
        else:
            raise ValueError(f"a field has the wire type {wire} at byte {self.at}")

    # ---- values ----

    def scalar(self, kind: str, end: int) -> int | bool | float:
        """One number; of an enumeration, the number of its value."""
        if kind == "float":
            number: float = struct.unpack("<f", self.bytes(4, end))[0]
            return number
        value = self.varint(end)
        return bool(value) if kind == "bool" else value - (1 << 64) if value >> 63 else value

    def text(self, end: int) -> str:
        n = self.length(end) - self.at
        if n > LONGEST_TEXT:
            raise ValueError(f"a text of {n} bytes at byte {self.at}, expected at most {LONGEST_TEXT}")
        return self.bytes(n, end).decode()

    def array(self, field: Field, wire: int, end: int) -> NDArray[np.floating[Any]]:
        """An array in one piece; or the values that follow, each with a key of its own, as the oldest files have them."""
        size = NUMBERS[field.kind][1]
        if wire != LENGTH:
            return np.frombuffer(self.run(bytes([field.number << 3 | wire]), size, end), f"<f{size}")
        n = self.length(end) - self.at
        if n % size:
            raise ValueError(f"`{field.name}` has {n} bytes, expected a multiple of {size}")
        array: NDArray[np.floating[Any]] = np.empty(n // size, f"<f{size}")
        if self.file.readinto(array.view(np.uint8).data) != n:
            raise ValueError("it has become shorter")
        self.at += n
        return array

    def run(self, key: bytes, size: int, end: int) -> bytes:
        """The values of `size` bytes that follow, one behind the other, without the key that stands before each but the first."""
        parts, n, step = [], FIRST_RUN, size + 1
        while True:
            block = self.bytes(min(n * step, end - self.at), end)
            whole = (len(block) + 1) // step  # the last value may have no key behind it
            if whole == 0:
                raise ValueError(f"it ends within a number at byte {self.at}")
            rows = np.frombuffer(block + b"\0", np.uint8, whole * step).reshape(whole, step)
            followed = rows[:, size] == key[0]
            good = whole if followed.all() else int(followed.argmin()) + 1
            parts.append(rows[:good, :size].tobytes())
            self.move(self.at - len(block) + good * step - (not followed[good - 1]), end)
            if not followed[good - 1]:
                return b"".join(parts)
            n = min(2 * n, LONGEST_RUN)

    # ---- bytes ----

    def varint(self, end: int) -> int:
        """A number of 7 bits a byte, the lowest first, all bytes but the last with the highest bit set."""
        value = shift = 0
        while shift < 70:
            byte = self.at < end and self.file.read(1) or self.bytes(1, end)  # the latter for its error; a call less for each number
            self.at += 1
            value |= (byte[0] & 127) << shift
            if byte[0] < 128:
                return value & (1 << 64) - 1
            shift += 7
        raise ValueError(f"a number of more than 10 bytes at byte {self.at}")

    def length(self, end: int) -> int:
        """Where the part ends whose length comes next."""
        stop = self.varint(end) + self.at
        if stop > end:
            raise ValueError(f"a part of {stop - self.at} bytes at byte {self.at}, where {end - self.at} are left")
        return stop

    def bytes(self, n: int, end: int) -> bytes:
        if self.at + n > end:
            raise ValueError(f"it ends too early, at byte {end}")
        data = self.file.read(n)
        if len(data) != n:
            raise ValueError("it has become shorter")
        self.at += n
        return data

    def move(self, to: int, end: int) -> None:
        if to > end:
            raise ValueError(f"it ends too early, at byte {end}")
        self.file.seek(to)
        self.at = to
