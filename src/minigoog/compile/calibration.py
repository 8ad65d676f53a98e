"""Scales and moments of a plan's maps, from the values that calibration images give them."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..array_types import Array
from ..kernels.reference.int8 import LARGEST_CODE, SMALLEST_SCALE
from .layout import Map

SCALE_BITS = 8
PIXELS = 4096  # at most so many of an image for a covariance


class Observed(NamedTuple):
    """largest: of each buffer that has a scale; means, moments: of the channels of each map that a product reads, moments of the places of
    a window where it reads the plan's input; range: the least and the largest value of the input's channels."""

    largest: dict[Any, float]
    means: dict[Map, Array]
    moments: "dict[Map, Moments]"
    range: tuple[Array, Array]


def batches(images: Array, n: int) -> list[Array]:
    """`images` in dense batches of n; the last one repeats its last image."""
    found = [images[i : i + n] for i in range(0, len(images), n)]
    found[-1] = np.concatenate([found[-1], np.repeat(found[-1][-1:], n - len(found[-1]), axis=0)])
    return [np.ascontiguousarray(batch) for batch in found]


def by_image(values: Array, n: int) -> list[Array]:
    """`values` of n images in parts, one of each; one part of all where they have been mixed."""
    return np.split(values, n) if len(values) % n == 0 else [values]


def read_first(products: Iterable[tuple[int, Map, int]], pixels: Callable[[Map], int]) -> dict[Map, tuple[int, bool]]:
    """Of each map that products (number, map, channels of it that are multiplied) read: the number of the first, and whether as many
    pixels as this are enough for the moments that one of them needs; else nothing uses them, and their products may be huge."""
    first, fewest = dict[Map, int](), dict[Map, int]()
    for i, x, channels in products:
        first.setdefault(x, i)
        fewest[x] = min(channels, fewest.get(x, channels))
    return {x: (i, pixels(x) >= fewest[x]) for x, i in first.items()}


def sampled(pixels: int) -> int:
    """Of so many pixels of an image, how many `Moments` take."""
    return -(-pixels // -(-pixels // PIXELS))


class Moments:
    """Sums of a map's values and of their products by pairs of channels, over pixels.

    The values are rounded to integers times a power of two, so that the sums are exact, in whatever order a library adds."""

    def __init__(self) -> None:
        self.step, self.count = 0.0, 0
        self.sums: Any = 0.0
        self.products: Array | float = 0.0

    def add(self, values: Array) -> None:
        """Adds the pixels of `values` [n, h, w, c], evenly spread if there are many."""
        pixels = values.reshape(-1, values.shape[-1])
        codes = pixels[:: -(-len(pixels) // PIXELS)].astype(np.float64)
        largest = np.abs(codes).max()
        if not self.step and largest:  # the first values may all be 0
            self.step = 2.0 ** math.ceil(math.log2(largest / LARGEST_CODE))
        codes = np.rint(codes / (self.step or 1))
        self.count += len(codes)
        self.sums += codes.sum(axis=0)
        self.products += codes.T @ codes

    @property
    def means(self) -> Array:
        """Of the channels' values."""
        found: Array = self.sums * self.step / self.count
        return found

    @property
    def covariance(self) -> Array:
        """Of the channels, in squares of the step."""
        means = self.sums / self.count
        found: Array = self.products / self.count - np.multiply.outer(means, means)
        return found


def scale_of(largest: float) -> float:
    """The scale by which the largest value is the largest code; 1 where a float32 could not hold it, as of values that are all 0.

    It has SCALE_BITS significant bits, so that the last bits of float32 sums, in which instruction sets differ, do not show in it (but
    where they lie on both sides of a tie)."""
    mantissa, exponent = math.frexp(largest / LARGEST_CODE if largest >= SMALLEST_SCALE * LARGEST_CODE else 1.0)
    return math.ldexp(round(math.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS)


def image_codes(lows: Array, highs: Array) -> tuple[Array, Array]:
    """(scales, zeros) of an image's channels: scale * (code - zero) are their values between these limits, and 0.

    zero is between 0 and 255 and no integer in general: bytes of which a mean was subtracted are exact. The padding has the next code."""
    lows, highs = np.minimum(lows, 0).astype(np.float64), np.maximum(highs, 0).astype(np.float64)
    scales = np.where(highs - lows >= SMALLEST_SCALE * LARGEST_CODE, (highs - lows) / LARGEST_CODE, 1.0)
    return scales, -lows / scales


def windows(x: Array, conv: Any) -> Array:
    """Some windows of the convolution of `x`, evenly spread: [n, 1, 1, kh * kw * c]."""
    view = np.lib.stride_tricks.sliding_window_view(x, (conv.kh, conv.kw), axis=(1, 2))[:, :: conv.stride_h, :: conv.stride_w]
    count = math.prod(view.shape[:3])
    at = np.unravel_index(np.arange(0, count, -(-count // PIXELS)), view.shape[:3])
    return view[at].transpose(0, 2, 3, 1).reshape(-1, 1, 1, conv.kh * conv.kw * x.shape[3])
