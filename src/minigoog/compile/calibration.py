"""Scales and mean codes of a plan's maps, from the values that calibration images give them."""

import math
from typing import Any, NamedTuple

from ..array_types import Array

LARGEST_CODE = 255
SCALE_BITS = 8


class Observed(NamedTuple):
    """largest: of each buffer that has a scale; means: of the channels that a product reads, by the number of its call."""

    largest: dict[Any, float]
    means: dict[int, Array]


def scale_of(largest: float) -> float:
    """The scale by which the largest value is the largest code; 1 where all values were 0.

    It has SCALE_BITS significant bits, so that the last bits of float32 sums, in which instruction sets differ, do not show in it (but
    where they lie on both sides of a tie)."""
    mantissa, exponent = math.frexp((largest or LARGEST_CODE) / LARGEST_CODE)
    return math.ldexp(round(math.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS)
