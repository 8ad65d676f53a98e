"""Windows: proposals of training pictures, named by the object that they overlap best."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array, BoolArray, IntArray
from .. import boxes as geometry
from ..annotations import Objects
from .regression import LEAST_OVERLAP

POSITIVE = 0.5  # IoU with the best object, from which on a window has its class
BACKGROUND = -1


class Windows(NamedTuple):
    """Boxes float64 [n, 4] of one or several pictures.

    labels    int64 [n]: the class of the best object, BACKGROUND below an IoU of POSITIVE
    overlaps  float64 [n, classes]: the best IoU with an object of each class
    targets   float64 [n, 4]: the box of the best object
    true      bool [n]: whether the window is an object's own box
    mirrored  bool [n]: whether its crop is turned left to right"""

    boxes: Array
    labels: IntArray
    overlaps: Array
    targets: Array
    true: BoolArray
    mirrored: BoolArray

    def at(self, chosen: IntArray | BoolArray) -> "Windows":
        """Those of these numbers, or where this is True."""
        parts: Iterator[Any] = (part[chosen] for part in self)
        return Windows(*parts)


def labelled(boxes: Array, objects: Objects, classes: int) -> Windows:
    """The Windows of boxes of one picture, and before them those of its objects. A window of a difficult object is left out."""
    parts: Iterator[Any] = (part[~objects.difficult] for part in objects)
    clear = Objects(*parts)
    everything = np.concatenate([clear.boxes, boxes])
    hidden = geometry.iou(everything, objects.boxes[objects.difficult]).max(axis=1, initial=0) >= POSITIVE
    hidden[: len(clear.boxes)] = False
    n, overlaps = len(everything), geometry.iou(everything, clear.boxes)
    by_class = np.stack([overlaps[:, clear.labels == i].max(axis=1, initial=0) for i in range(classes)], axis=1)
    best, found = overlaps.argmax(axis=1) if len(clear.boxes) else np.zeros(n, int), overlaps.max(axis=1, initial=0) >= POSITIVE
    labels = np.where(found, clear.labels[best], BACKGROUND) if len(clear.boxes) else np.full(n, BACKGROUND)
    targets = clear.boxes[best] if len(clear.boxes) else everything
    made = Windows(everything, labels, by_class, targets, np.arange(n) < len(clear.boxes), np.zeros(n, bool))
    return made.at(~hidden)


def drawn(windows: Windows, positives: int, negatives: int, generator: np.random.Generator) -> Windows:
    """Some of the windows of a picture, as they come into the pool of training: all objects' own boxes, up to `positives` windows of each
    object, and up to `negatives` of the background; each is turned left to right or not."""
    chosen = [np.flatnonzero(windows.true)]
    others = np.flatnonzero((windows.labels != BACKGROUND) & ~windows.true)
    others = others[np.argsort(generator.random(len(others)))]
    for target in np.unique(windows.targets[others], axis=0):
        chosen.append(others[(windows.targets[others] == target).all(axis=1)][:positives])
    background = np.flatnonzero(windows.labels == BACKGROUND)
    chosen.append(generator.permutation(background)[:negatives])
    order = np.concatenate(chosen)
    return windows.at(order)._replace(mirrored=generator.random(len(order)) < 0.5)


def joined(parts: list[Windows]) -> Windows:
    """The Windows of several pictures as one."""
    return Windows(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def batch(labels: IntArray, size: int, share: float, balance: float, generator: np.random.Generator) -> IntArray:
    """The numbers of `size` windows, so many of them with a class as `share` says (R-CNN: 32 of 128), in random order.

    balance: 0 makes all windows with a class as likely as each other (R-CNN), 1 all classes; between, counts^-balance."""
    positive, negative = np.flatnonzero(labels != BACKGROUND), np.flatnonzero(labels == BACKGROUND)
    n = round(size * share) if len(negative) else size
    weights = np.bincount(labels[positive])[labels[positive]].astype(float) ** -balance
    chosen = [generator.choice(positive, n, p=weights / weights.sum())] if len(positive) else []
    chosen += [generator.choice(negative, size - n)] if len(negative) else []
    return np.asarray(generator.permutation(np.concatenate(chosen)))


def regressed(windows: Windows) -> BoolArray:
    """Which windows teach box regression: near enough to an object of their class."""
    best = windows.overlaps[np.arange(len(windows.labels)), np.maximum(windows.labels, 0)]
    return np.asarray((windows.labels != BACKGROUND) & (best >= LEAST_OVERLAP))
