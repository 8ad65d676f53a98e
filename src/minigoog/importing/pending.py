"""Operations that wait for what follows, because they may do it too: the scale and shift of channels, and padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .values import Value

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """A layer after which each channel, the last axis in memory, is multiplied by `scale` and moved by `shift`.

    shift   None if nothing is added; zeros that the file adds are a bias, which training may change
    finish  (scale, shift) -> adds the layer with both in it to the program, and returns the number of its result"""

    finish: Callable[[Vector, Vector | None], int]
    scale: Vector
    shift: Vector | None

    def then(self, scale: Vector, shift: Vector | None) -> Self:
        """The same layer with another scale and shift after it."""
        moved = None if self.shift is None and shift is None else added(self.scale, self.shift) * scale + (0 if shift is None else shift)
        return replace(self, scale=self.scale * scale, shift=moved)

    def make(self) -> int:
        """Adds the layer to the program; returns the number of its result."""
        return self.finish(self.scale, self.shift)


def added(scale: Vector, shift: Vector | None) -> Vector:
    """What is added to each channel: zeros for nothing."""
    return np.zeros(scale.size) if shift is None else shift


@dataclass(frozen=True)
class Channels(Affine):
    """Some channels of a map, each with a scale and a shift: all of them side by side are an Affine of the whole map."""

    source: Value
    index: tuple[int, ...]


@dataclass(frozen=True)
class Padded:
    """A map with a value around it, which the layer that reads it may add itself: a convolution zeros, a max pool minus infinity."""

    make: Callable[[], int]
    source: Value
    pads: tuple[int, int, int, int]  # top, left, bottom, right
    value: float


Pending: TypeAlias = Affine | Padded
