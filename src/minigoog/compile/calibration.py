"""Which scale the codes of a map get: from the values that calibration images give it."""

import math
from collections.abc import Callable

import numpy as np

from ..array_types import Array

LARGEST_CODE = 255
SAMPLES = 4096  # values of a map that are kept for each batch
PERCENTILE = 99.99
SCALE_BITS = 8
CANDIDATES = np.linspace(0.3, 1.0, 36)  # shares of the largest value that least squares tries


class Observed:
    """Values of a group of maps that share a scale: the largest, and a sample of all."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.samples: list[Array] = []

    def add(self, values: Array) -> None:
        flat = values.reshape(-1)
        self.largest = max(self.largest, float(flat.max(initial=0)))
        self.samples.append(flat[:: max(1, flat.size // SAMPLES)].copy())


def minmax(seen: Observed) -> float:
    """The largest value is the largest code."""
    return seen.largest


def percentile(seen: Observed) -> float:
    """The few values above a percentile become the largest code."""
    return float(np.percentile(np.concatenate(seen.samples), PERCENTILE))


def least_squares(seen: Observed) -> float:
    """The end of the range by which the sum of squared errors of the sample is least."""
    values = np.concatenate(seen.samples)
    ends = seen.largest * CANDIDATES
    return float(ends[int(np.argmin([_squared_error(values, end / LARGEST_CODE) for end in ends]))])


def _squared_error(values: Array, scale: float) -> float:
    errors = np.clip(np.rint(values / scale), 0, LARGEST_CODE) * scale - values
    return float(np.square(errors, dtype=np.float64).sum())


METHODS: dict[str, Callable[[Observed], float]] = {"minmax": minmax, "percentile": percentile, "least_squares": least_squares}


def scale_of(seen: Observed, method: str) -> float:
    """The scale of a group of maps; 1 where all values were 0.

    It has SCALE_BITS significant bits, so that the last bits of float32 sums, in which instruction sets differ, do not show in it (but
    where they lie on both sides of a tie)."""
    end = METHODS[method](seen) if seen.largest > 0 else 0.0
    mantissa, exponent = math.frexp((end or seen.largest or LARGEST_CODE) / LARGEST_CODE)
    return math.ldexp(round(math.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS)
