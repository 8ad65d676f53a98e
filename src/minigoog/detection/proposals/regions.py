"""From a picture to its regions: segments, and for each its size, box, neighbours and histograms of colour and texture."""

from typing import NamedTuple

import numpy as np

from ... import kernels
from ...array_types import Array, IntArray
from .smoothing import derivatives, gaussian

SIGMA = 0.8  # of the blur before segmentation
COLOUR_BINS, TEXTURE_BINS, TEXTURE_SIGMA = 25, 10, 1.0
STEEPEST = 255 / np.sqrt(2 * np.pi)  # the derivative at a step from 0 to 255, blurred by TEXTURE_SIGMA


class Regions(NamedTuple):
    """The segments of a picture: labels int32 [h, w]; of each segment its size in pixels, its box (left, top, right, bottom) and its
    histograms; and the pairs of segments that touch."""

    labels: IntArray
    sizes: IntArray
    boxes: IntArray
    neighbours: IntArray
    colours: IntArray
    textures: IntArray


def segments(x: Array, k: float, min_size: int | None = None) -> IntArray:
    """int32 [h, w]: the segment of each pixel of a picture in a colour space, float32 [h, w, c]. min_size: pixels, k if it is None."""
    return np.asarray(kernels.graph_segments(gaussian(x, SIGMA), k, round(k) if min_size is None else min_size))


def colour_values(x: Array) -> IntArray:
    """uint8 [c, h, w]: the values of a picture from 0 to 255 in COLOUR_BINS steps."""
    steps = np.clip(x * np.float32(COLOUR_BINS / 256), 0, COLOUR_BINS - 1).astype(np.uint8)
    return np.ascontiguousarray(steps.transpose(2, 0, 1))


def texture_values(x: Array) -> IntArray:
    """uint8 [8 c, h, w]: the derivatives of a picture in 8 directions, their positive parts in TEXTURE_BINS steps."""
    right, down = (np.ascontiguousarray(d.transpose(2, 0, 1)) for d in derivatives(x, TEXTURE_SIGMA))
    half = np.float32(np.sqrt(0.5))
    planes = []
    for slope in (right, down, (right + down) * half, (right - down) * half):
        steps = slope * np.float32(TEXTURE_BINS / STEEPEST)
        planes += [np.clip(sign * steps, 0, TEXTURE_BINS - 1).astype(np.uint8) for sign in (np.float32(1), np.float32(-1))]
    return np.concatenate(planes)


def neighbours(labels: IntArray) -> IntArray:
    """int32 [pairs, 2]: the segments that touch along an edge of a pixel, each pair once, in order."""
    sides = ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:]))
    touching = [(a[a != b], b[a != b]) for a, b in sides]
    a, b = (np.concatenate(parts).astype(np.int64) for parts in zip(*touching, strict=True))
    n = int(labels.max()) + 1
    keys = np.unique(np.minimum(a, b) * n + np.maximum(a, b))
    return np.stack([keys // n, keys % n], axis=1).astype(np.int32)


def boxes(labels: IntArray) -> IntArray:
    """int32 [segments, 4]: the box around each segment."""
    (left, right), (top, bottom) = _extent(labels.T), _extent(labels)
    return np.stack([left, top, right, bottom], axis=1).astype(np.int32)


def _extent(labels: IntArray) -> tuple[IntArray, IntArray]:
    """(first, last + 1) of the rows in which each segment is."""
    flat, rows = labels.ravel(), np.repeat(np.arange(len(labels)), labels.shape[1])
    first, last = np.zeros((2, int(labels.max()) + 1), np.int64)
    first[flat[::-1]] = rows[::-1]  # of several values for one place, the last one stays
    last[flat] = rows + 1
    return first, last


def regions(labels: IntArray, colours: IntArray, textures: IntArray) -> Regions:
    """The Regions of segments, with the histograms of these values."""
    sizes = np.bincount(labels.ravel()).astype(np.int32)
    counts = [kernels.region_histograms(labels, values, bins) for values, bins in ((colours, COLOUR_BINS), (textures, TEXTURE_BINS))]
    return Regions(labels, sizes, boxes(labels), neighbours(labels), counts[0], counts[1])
