"""The crops of section 7: one, ten, or 144 of an image, whose class probabilities are averaged; or one and its mirror.

The paper's network sees 224x224 pixels of images whose shorter side is 256, or 256, 288, 320 and 352. A network that sees `size`
pixels gets the same proportions of `size`, rounded."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..array_types import IntArray
from ..data.images import resize

Kind = TypeVar("Kind", bound=np.generic)
CROPS = (1, 2, 10, 144)
SIZE, ONE_SCALE, SCALES = 224, 256, (256, 288, 320, 352)  # pixels


def crops(image: IntArray, size: int, n: int) -> IntArray:
    """`n` (1, 2, 10 or 144) crops of an image uint8 [h, w, c]: uint8 [n, size, size, c].

    1: the centre; an image that is size x size already is its own centre. 2: it and its mirror. 10: the four corners, the centre, and
    their mirrors (Krizhevsky et al. 2012). 144: four scales; of each the left, centre and right square (top, centre, bottom of a
    portrait); of each square the four corners, the centre, and the square itself resized; and their mirrors."""
    if n not in CROPS:
        raise ValueError(f"crops: `n` is {n!r}, expected one of {', '.join(map(str, CROPS))}")
    if n <= 2:
        whole = image.shape[:2] == (size, size)
        centre = image if whole else _centre(_scaled(image, size, ONE_SCALE), size)
        return centre[None] if n == 1 else with_mirrors([centre])
    if n == 10:
        return with_mirrors(_five(_scaled(image, size, ONE_SCALE), size))
    found = []
    for scale in SCALES:
        for square in _squares(_scaled(image, size, scale)):
            found += [*_five(square, size), resize(square, (size, size))]
    return with_mirrors(found)


def _scaled(image: IntArray, size: int, scale: int) -> IntArray:
    """The image resized so that its shorter side has `scale` pixels if the network sees 224; the aspect ratio is kept."""
    h, w = image.shape[:2]
    shorter = round(size * scale / SIZE)
    return resize(image, (shorter, int(w * shorter / h)) if h <= w else (int(h * shorter / w), shorter))


def _squares(image: IntArray) -> Iterator[IntArray]:
    """The squares at both ends of the longer side and in its middle."""
    h, w = image.shape[:2]
    side = min(h, w)
    for at in (0, (max(h, w) - side) // 2, max(h, w) - side):
        yield image[:, at : at + side] if h <= w else image[at : at + side]


def _five(image: IntArray, size: int) -> list[IntArray]:
    """The four corners and the centre."""
    return [image[:size, :size], image[:size, -size:], image[-size:, :size], image[-size:, -size:], _centre(image, size)]


def _centre(image: IntArray, size: int) -> IntArray:
    h, w = image.shape[0], image.shape[1]
    top, left = round((h - size) / 2), round((w - size) / 2)
    return image[top : top + size, left : left + size]


def with_mirrors(images: Sequence[NDArray[Kind]]) -> NDArray[Kind]:
    """The images, and behind them their mirror images: [2 n, h, w, c]."""
    stacked = np.stack(images)
    return np.concatenate([stacked, stacked[:, :, ::-1]])
