"""Padding of feature maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import Array, IntArray
from ..checks import check_array, check_choice, check_int, check_real
from ..op import Op
from ..tensor import Tensor
from ..text import short
from .taps import Taps

MODES = ("constant", "reflect", "edge")


class Pad(Op):
    """x with rows above and below and columns left and right: `value`, the map's mirror image without its edge, or its edge repeated."""

    def __init__(self, padding: Sequence[int], value: float = 0.0, mode: str = "constant"):
        self.padding, self.value = _sides(padding), check_real("pad", "value", value)
        self.mode = check_choice("pad", "mode", mode, MODES)

    def forward(self, x: Array) -> Array:
        check_array("pad", "x", x, ndim=4)
        if self.mode != "constant":
            for axis, taps in self.taps(x.shape[1:3]):
                x = taps.gather(x, axis)
            return np.ascontiguousarray(x)
        top, left, bottom, right = self.padding
        n, h, w, c = x.shape
        y = np.full((n, top + h + bottom, left + w + right, c), x.dtype.type(self.value))
        y[:, top : top + h, left : left + w] = x
        return y

    def backward(self, dy: Array) -> tuple[Array]:
        h, w = self.inputs[0].shape[1:3]
        if self.mode == "constant":
            top, left = self.padding[:2]
            return (np.ascontiguousarray(dy[:, top : top + h, left : left + w]),)
        for axis, taps in self.taps((h, w)):
            dy = taps.scatter(dy, axis)
        return (np.ascontiguousarray(dy),)

    def taps(self, size: Sequence[int]) -> list[tuple[int, Taps]]:
        """(axis, taps) along height and width of a map of this size, for the modes that copy the map's own values."""
        sides = zip(("height", "width"), size, self.padding[:2], self.padding[2:], strict=True)
        return [(1 + i, Taps(n, self._sources(name, n, before, after)[:, None])) for i, (name, n, before, after) in enumerate(sides)]

    def _sources(self, name: str, n: int, before: int, after: int) -> IntArray:
        """Which of `n` rows or columns each of the padded ones is."""
        at, least = np.arange(-before, n + after), 1 if self.mode == "edge" else max(before, after) + 1
        if n < least:
            raise ValueError(f"pad: `x` has a {name} of {n}, expected at least {least} for `padding` {self.padding}, mode {self.mode!r}")
        if self.mode == "edge":
            return np.clip(at, 0, n - 1)
        return n - 1 - abs(n - 1 - abs(at))


def _sides(padding: Any) -> tuple[int, int, int, int]:
    """`padding` as four integers of at least 0."""
    if not isinstance(padding, (tuple, list)) or len(padding) != 4:
        raise TypeError(f"pad: `padding` is {short(padding)}, expected four integers (top, left, bottom, right)")
    top, left, bottom, right = (check_int("pad", "padding", n, 0) for n in padding)
    return top, left, bottom, right


def pad(x: Tensor, padding: Sequence[int], value: float = 0.0, mode: str = "constant") -> Tensor:
    """`x` [n, h, w, c] with `padding` (top, left, bottom, right) rows and columns more.

    `mode`: "constant" for `value`, "reflect" for the map's mirror image at its edge, "edge" for the edge repeated."""
    return Pad(padding, value, mode)(x)
