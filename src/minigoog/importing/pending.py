"""Operations that wait for what follows, because they may do it too: the scale and shift of channels, and padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .values import Value

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Pending:
    """An operation that is not yet a step: `make()` adds it to the program and returns the number of its result."""

    make: Callable[[], int]


@dataclass(frozen=True)
class Affine(Pending):
    """A layer after which each channel, the last axis in memory, is multiplied by `scale` and moved by `shift`.

    finish  (scale, shift) -> adds the layer with both in it, and returns the number of its result"""

    finish: Callable[[Vector, Vector], int]
    scale: Vector
    shift: Vector

    def then(self, scale: Vector, shift: Vector) -> Affine:
        """The same layer with another scale and shift after it."""
        return affine(self.finish, self.scale * scale, self.shift * scale + shift)


def affine(finish: Callable[[Vector, Vector], int], scale: Vector, shift: Vector) -> Affine:
    """An Affine layer."""
    return Affine(lambda: finish(scale, shift), finish, scale, shift)


@dataclass(frozen=True)
class Channels(Affine):
    """Some channels of a map, each with a scale and a shift: three of them side by side are an Affine of the whole map."""

    source: Value
    index: tuple[int, ...]


@dataclass(frozen=True)
class Padded(Pending):
    """A map with zeros around it, which the convolution that reads it may add itself."""

    source: Value
    pads: tuple[int, int, int, int]  # top, left, bottom, right
