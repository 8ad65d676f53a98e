"""Compact arrays: how the page stores the numbers of a network."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array, IntArray, Shape

ALIGNMENT = 4  # bytes: JavaScript can view float32 only at multiples of 4
DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-.:;=?@[]^_{|}"


class Pack:
    """Arrays one after another, each with a description in `arrays`: shape, kind, and where its bytes start.

    Kinds: "f4", float32, the numbers themselves; "u4", integers of 32 bits; "i1" and "u1", integers, each times the float32 `scales` of its
    channel, if there are some.
    `levels`: the number of steps, at most 127, from 0 to the largest value of a channel that weights are rounded to; maps are rounded to
    127, or to 255 if no value is negative; None keeps everything as float32. The rounding error is at most half a scale."""

    def __init__(self, levels: int | None = None) -> None:
        self.levels = levels
        self.arrays: list[dict[str, Any]] = []
        self._parts: list[bytes] = []
        self._size = 0

    def add_weights(self, array: Array) -> int:
        """Appends weights, whose channels are the last axis; returns their number. Vectors, which take no room, stay exact."""
        if self.levels is None or array.ndim < 2:
            return self.add_exact(array)
        kind, whole, scales = rounded(np.asarray(array, np.float32), self.levels)
        return self._describe(array.shape, kind, at=self._append(whole), scales=self._append(scales))

    def add_map(self, array: Array, keep_positive: bool = False) -> int:
        """Appends a map [h, w, c] as planes [c, h, w], which compress better; returns the array's number.

        `keep_positive`: small positive values are not rounded to 0, so that ReLU lets the same gradients through."""
        planes = np.moveaxis(array, -1, 0)
        if self.levels is None:
            return self.add_exact(planes)
        kind, whole, scales = rounded(array, 127)
        if keep_positive:
            whole[(whole == 0) & (array > 0)] = 1
        return self._describe(planes.shape, kind, at=self._append(np.moveaxis(whole, -1, 0)), scales=self._append(scales), planes=True)

    def add_exact(self, array: Array) -> int:
        """Appends an array as float32; returns its number."""
        return self._describe(np.shape(array), "f4", at=self._append(np.asarray(array, np.float32)))

    def add_small(self, array: IntArray) -> int:
        """Appends integers from 0 to 255; returns their number."""
        return self._describe(array.shape, "u1", at=self._append(array.astype(np.uint8)))

    def add_integers(self, array: IntArray) -> int:
        """Appends integers from 0, of 8 or of 32 bits; returns their number."""
        return self.add_small(array) if array.max(initial=0) < 256 else self.add_words(array)

    def add_words(self, array: IntArray) -> int:
        """Appends integers of 32 bits; returns their number."""
        return self._describe(array.shape, "u4", at=self._append(array.astype(np.uint32)))

    def text(self) -> tuple[str, int]:
        """(all bytes, compressed (zlib), as text; how many bytes it encodes)."""
        data = zlib.compress(b"".join(self._parts), 6)
        return text_of(data), len(data)

    def _append(self, array: NDArray[Any]) -> int:
        """Where in the pack the bytes of `array` start."""
        at, data = self._size, array.tobytes()
        data += bytes(-len(data) % ALIGNMENT)
        self._parts.append(data)
        self._size += len(data)
        return at

    def _describe(self, shape: Shape, kind: str, **where: int) -> int:
        self.arrays.append({"shape": list(shape), "kind": kind} | where)
        return len(self.arrays) - 1


def rounded(array: Array, levels: int) -> tuple[str, IntArray, Array]:
    """("u1" or "i1", integers of 8 bits, the scale of each channel): array = integers * scales, nearly.

    A scale has 16 bits, so that the products are exact, and what was rounded once is rounded to itself."""
    signed = bool((array < 0).any())
    largest = np.abs(array).reshape(-1, array.shape[-1]).max(axis=0)
    scales = _with_16_bits(np.where(largest > 0, largest, 1).astype(np.float64) / (levels if signed else 2 * levels + 1))
    whole = np.rint(array / scales)
    return ("i1", whole.astype(np.int8), scales) if signed else ("u1", whole.astype(np.uint8), scales)


def _with_16_bits(x: Array) -> Array:
    """Positive numbers, rounded up to 16 significant bits."""
    mantissa, exponent = np.frexp(x)
    scales: Array = np.ldexp(np.ceil(mantissa * 65536), exponent - 16).astype(np.float32)
    return scales


def text_of(data: bytes) -> str:
    """Bytes as text: every 4 bytes, a big-endian number of 32 bits, become 5 digits in base 85.

    6% shorter than base64. No digit has a meaning in HTML; up to 3 bytes of 0 are added at the end."""
    numbers = np.frombuffer(data + bytes(-len(data) % 4), ">u4")
    digits = np.empty((len(numbers), 5), np.uint8)
    for k in reversed(range(5)):
        numbers, digits[:, k] = np.divmod(numbers, 85)
    return np.frombuffer(DIGITS, np.uint8)[digits].tobytes().decode("ascii")
