"""The weights of a plan before they are packed: made a part at a time, so that large ones do not exist beside their panels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minigoog._native import lib

from ...array_types import Array, Shape
from . import conv_direct, machine
from .pointers import check_float32

WHERE = "compile"
PACKED_AT_ONCE = 128  # output channels: whole panels on every machine


class Weights(NamedTuple):
    """The weights HWIO of a convolution, of which `part` makes a slice of output channels: only when they are packed."""

    shape: Shape
    part: Callable[[slice], Array]

    def of(self, columns: slice) -> Array:
        """The dense weights of some output channels."""
        check_float32(WHERE, "w", w := self.part(columns))
        return np.ascontiguousarray(w)

    def among(self, columns: slice) -> "Weights":
        """The weights of some output channels, not made yet."""
        start = columns.start
        return Weights((*self.shape[:-1], columns.stop - start), lambda some: self.part(slice(start + some.start, start + some.stop)))


def pack_direct(m: machine.Machine, k: int, w: Weights, b: Array | None, out: Array) -> None:
    """Packs weights [k, output channels] and a bias for `direct`, some panels at a time."""
    for start in range(0, w.shape[-1], PACKED_AT_ONCE):
        columns = slice(start, min(start + PACKED_AT_ONCE, w.shape[-1]))
        count = columns.stop - start
        size = lib.mg_panels_size(k, count, m)
        conv_direct.pack(m, k, count, w.of(columns), None if b is None else b[columns], out[start * (k + 1) :][:size])
