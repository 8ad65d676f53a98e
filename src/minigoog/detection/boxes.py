"""Boxes float64 [n, 4]: left, top, right, bottom, in pixels between the edges of pixels, so that a picture of width w goes from 0 to w.

A box of one pixel is 1 wide. Pascal VOC names the first and the last pixel, counted from 1, instead: `from_inclusive` converts."""

from typing import Any

import numpy as np

from ..array_types import Array, BoolArray, IntArray
from ..checks import check_labels, check_real

BLOCK = 64  # boxes whose overlaps are computed together: .05 s for 2,000 boxes instead of .3 one by one


def checked(where: str, name: str, boxes: Any) -> Array:
    """Returns `boxes` as float64 [n, 4] if they are finite numbers."""
    found: Array = np.asarray(boxes)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"{where}: `{name}` is {found.dtype}, expected numbers")
    if found.size == 0 and found.ndim == 1:
        found = found.reshape(0, 4)
    if found.ndim != 2 or found.shape[1] != 4:
        raise ValueError(f"{where}: `{name}` has shape {found.shape}, expected [n, 4]: left, top, right, bottom")
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: `{name}` has values that are not finite, expected finite numbers")
    return np.asarray(found, dtype=np.float64)


def from_inclusive(boxes: Array) -> Array:
    """Boxes of Pascal VOC, whose first pixel is 1 and whose last one is inside."""
    return np.asarray(boxes - np.array([1.0, 1.0, 0.0, 0.0]))


def areas(boxes: Array) -> Array:
    """The area of each box, 0 where its corners are in another order."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def intersections(a: Array, b: Array) -> Array:
    """[n, m]: the area that each box of `a` has in common with each of `b`."""
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def iou(a: Any, b: Any) -> Array:
    """float64 [n, m]: intersection over union of each box of `a` with each of `b`; 0 where neither has an area."""
    a, b = checked("iou", "a", a), checked("iou", "b", b)
    common = intersections(a, b)
    union = areas(a)[:, None] + areas(b) - common
    return np.asarray(common / np.where(union > 0, union, 1))


def nms(boxes: Any, scores: Any, threshold: float = 0.5, labels: Any = None) -> IntArray:
    """The numbers of the boxes that remain, the highest score first: a box goes if its IoU with a better one that stays is above
    `threshold`.

    Equal scores: the first box is the better one. labels: boxes of different classes do not remove each other."""
    boxes = checked("nms", "boxes", boxes)
    threshold = check_real("nms", "threshold", threshold, 0, 1)
    order = by_score("nms", scores, len(boxes))
    classes = np.zeros(len(boxes), np.int64) if labels is None else check_labels("nms", labels, len(boxes), 1 << 31)
    ranked, labels, stays = boxes[order], classes[order], np.ones(len(boxes), bool)
    for start in range(0, len(boxes), BLOCK):  # the best boxes that are left, against all that follow
        best = start + np.flatnonzero(stays[start : start + BLOCK])
        near = (iou(ranked[best], ranked[start:]) > threshold) & (labels[best, None] == labels[start:])
        for place, row in zip(best, near, strict=True):
            if stays[place]:
                stays[place + 1 :] &= ~row[place + 1 - start :]
    return order[stays]


def by_score(where: str, scores: Any, n: int) -> IntArray:
    """The numbers of `n` scores, the highest first; equal ones in their order."""
    found = np.asarray(scores)
    if found.shape != (n,):
        raise ValueError(f"{where}: `scores` has shape {found.shape}, expected {(n,)}, one for each box")
    if n and (found.dtype.kind not in "iuf" or np.isnan(found).any()):
        raise ValueError(f"{where}: `scores` has values that are no numbers, expected numbers")
    return np.argsort(-found.astype(np.float64), kind="stable")


def clipped(boxes: Array, height: int, width: int) -> Array:
    """The boxes without what is outside a picture of this size."""
    return np.clip(boxes, 0, [width, height, width, height])


def distinct(boxes: Array) -> BoolArray:
    """Which boxes are not equal to one before them."""
    first = np.unique(boxes, axis=0, return_index=True)[1] if len(boxes) else np.zeros(0, np.int64)
    return np.isin(np.arange(len(boxes)), first)
