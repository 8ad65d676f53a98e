"""Crops: the part of a picture under a box, with context, warped to the input of the network. (Girshick et al., "Rich feature
hierarchies", 2014; the arithmetic is that of its rcnn_im_crop.m)"""

import numpy as np

from ...array_types import Array, BoolArray, IntArray
from .. import boxes as geometry

CONTEXT = 16  # pixels around the box in a crop of 227; the same share of other sizes
SIDE = 227


def context_of(size: int) -> int:
    """The pixels of context in a crop of `size` pixels: 16 of 224 to 227, 8 of 112."""
    return round(CONTEXT * size / SIDE)


def crops(image: Array, boxes: Array, size: int, context: int, mirrored: BoolArray | None = None) -> Array:
    """float32 [n, size, size, c]: `image` [h, w, c], normalised, under each box [n, 4], 0 (the mean) where the picture ends.

    A box is scaled about its centre so that `context` pixels of the crop surround it, rounded to pixels, and resized bilinearly without
    antialiasing; what is outside the picture keeps its place in the crop. mirrored: which crops are turned left to right."""
    found = np.zeros((len(boxes), size, size, image.shape[2]), np.float32)
    for window, y in zip(windows(boxes, size, context).tolist(), found, strict=True):
        _paste(image, window, y)
    if mirrored is not None:
        found[mirrored] = found[mirrored, :, ::-1]
    return found


def windows(boxes: Array, size: int, context: int) -> IntArray:
    """int64 [n, 4]: the pixels that each crop shows, also outside the picture; at least one."""
    boxes = geometry.checked("crops", "boxes", boxes)
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * (size / (size - 2 * context))
    low = np.floor(centres - halves + 0.5).astype(np.int64)
    high = np.floor(centres + halves + 0.5).astype(np.int64)
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def _paste(image: Array, window: list[int], y: Array) -> None:
    """Writes the part of the picture in a window to its place in a crop `y` [size, size, c]."""
    (rows, top), (columns, left) = (_axis(image.shape[i], window[1 - i], window[3 - i], len(y)) for i in (0, 1))
    if not len(rows[0]) or not len(columns[0]):
        return
    first, second, weight = columns
    shown = image[:, int(first[0]) : int(second[-1]) + 1]  # fancy indices below would copy whole rows of a wide picture
    columns = first - first[0], second - first[0], weight
    first, second, weight = rows
    part = shown[first] * (1 - weight)[:, None, None] + shown[second] * weight[:, None, None] if weight.any() else shown[first]
    first, second, weight = columns
    whole = part[:, first] * (1 - weight)[:, None] + part[:, second] * weight[:, None]
    y[top : top + len(rows[0]), left : left + len(first)] = whole


def _axis(length: int, low: int, high: int, size: int) -> tuple[tuple[IntArray, IntArray, Array], int]:
    """((pixel before, pixel after, weight of the latter) of each pixel of a crop that shows the picture, the first of these pixels)."""
    scale = size / (high - low)
    start, end = max(low, 0), min(high, length)
    first = min(round(max(-low, 0) * scale), size)
    n = min(round(max(end - start, 0) * scale), size - first)
    if n <= 0:
        return (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)), first
    at = np.clip((np.arange(n) + 0.5) * ((end - start) / n) - 0.5, 0, end - start - 1)
    before = at.astype(np.int64)
    after = np.minimum(before + 1, end - start - 1)
    return (start + before, start + after, (at - before).astype(np.float32)), first
