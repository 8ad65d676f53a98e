"""Colour spaces of pictures: from RGB uint8 [h, w, 3] to float32 [h, w, c] with values from 0 to 255."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array

LINEAR = np.where(np.arange(256) <= 10.31, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4)  # sRGB
TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = TO_XYZ.sum(axis=1)
DARK = (6 / 29) ** 3  # below it, Lab's cube root is a line


def hsv(rgb: NDArray[np.uint8]) -> Array:
    """Hue, saturation and value; the hue's turn of 360 degrees is 255, as in the original, whose distances do not close the circle."""
    x = rgb.astype(np.float32)
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    high = np.maximum(np.maximum(r, g), b)
    span = high - np.minimum(np.minimum(r, g), b)
    over = np.float32(1) / np.where(span > 0, span, np.float32(1))
    sector = np.where(high == r, (g - b) * over, np.where(high == g, 2 + (b - r) * over, 4 + (r - g) * over))
    hue = np.where(sector < 0, sector + 6, sector) * np.float32(255 / 6)
    return np.stack([hue, span * (np.float32(255) / np.maximum(high, 1)), high], axis=2)


def lab(rgb: NDArray[np.uint8]) -> Array:
    """CIE L*a*b* (D65): L times 2.55, and a and b plus 128."""
    f = _root(LINEAR.astype(np.float32)[rgb] @ (TO_XYZ / WHITE[:, None]).T.astype(np.float32))
    lightness = (116 * f[..., 1] - 16) * np.float32(2.55)
    return np.stack([lightness, 500 * (f[..., 0] - f[..., 1]) + 128, 200 * (f[..., 1] - f[..., 2]) + 128], axis=2)


def _root(t: Array) -> Array:
    return np.asarray(np.where(t > DARK, np.cbrt(t), t * np.float32(1 / (3 * (6 / 29) ** 2)) + np.float32(4 / 29)))


def rgi(rgb: NDArray[np.uint8]) -> Array:
    """The shares of red and green, and intensity."""
    x = rgb.astype(np.float32)
    total = x.sum(axis=2, keepdims=True)
    return np.concatenate([x[..., :2] * (np.float32(255) / np.maximum(total, 1)), total / 3], axis=2)


def hue(rgb: NDArray[np.uint8]) -> Array:
    """Hue alone."""
    return hsv(rgb)[..., :1]


def intensity(rgb: NDArray[np.uint8]) -> Array:
    """The mean of red, green and blue."""
    return np.asarray(rgb.mean(axis=2, dtype=np.float32, keepdims=True))


COLOURS: dict[str, Callable[[NDArray[np.uint8]], Array]] = {"HSV": hsv, "Lab": lab, "rgI": rgi, "H": hue, "I": intensity}
