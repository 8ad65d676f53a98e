"""Gaussian filters of pictures [h, w, c], along rows and columns in turn; the picture goes on outside as its edge is."""

import math

import numpy as np

from ...array_types import Array

REACH = 4  # standard deviations


def gaussian(x: Array, sigma: float) -> Array:
    """The picture, blurred."""
    taps = _taps(sigma)
    return _along(_along(x, taps, 0), taps, 1)


def derivatives(x: Array, sigma: float) -> tuple[Array, Array]:
    """The derivatives of the blurred picture along columns (to the right) and along rows (down)."""
    taps = _taps(sigma)
    reach = len(taps) // 2
    slopes = taps * np.arange(-reach, reach + 1, dtype=np.float32)
    slopes /= (slopes * np.arange(-reach, reach + 1)).sum()  # a ramp of slope 1 has the derivative 1
    return _along(_along(x, taps, 0), slopes, 1), _along(_along(x, taps, 1), slopes, 0)


def _taps(sigma: float) -> Array:
    reach = math.ceil(REACH * sigma)
    values = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(values / values.sum(), np.float32)


def _along(x: Array, taps: Array, axis: int) -> Array:
    reach, n = len(taps) // 2, x.shape[axis]
    padded = np.pad(x, [(reach, reach) if i == axis else (0, 0) for i in range(3)], mode="edge")
    y, part = np.zeros_like(x), np.empty_like(x)
    for i, tap in enumerate(taps):
        if tap:
            np.multiply(padded[(slice(None),) * axis + (slice(i, i + n),)], tap, out=part)
            y += part
    return y
