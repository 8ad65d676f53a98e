"""Heads: what a member of an ensemble says about a crop, from the last map of its tail."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ... import kernels, ops
from ...array_types import Array, IntArray
from ...tensor import Tensor
from . import regression, svm
from .svm import NORM, Linear
from .windows import BACKGROUND, Windows, regressed

LARGEST_MAP = 3  # cells along a side of what the softmax and box regression read: of GoogLeNet 9,216 numbers, as AlexNet's pool5


class Features(NamedTuple):
    """What the heads read of n crops: means [n, features], the mean over the map; and cells [n, features of all cells]."""

    means: Array
    cells: Array


class Heads(NamedTuple):
    """softmax: a score for each class and the background; svm: for each class, or None; boxes: a Regression for each class, or none; scale:
    what cells are multiplied with for it."""

    softmax: Linear
    svm: Linear | None
    boxes: tuple[regression.Regression, ...]
    scale: float

    def scores(self, features: Features, head: str) -> Array:
        """float32 [n, classes]: probabilities of the softmax, or the sums of the SVMs."""
        if head == "svm":
            assert self.svm is not None
            return self.svm.scores(features.means)
        return kernels.softmax(np.ascontiguousarray(self.softmax.scores(features.cells), np.float32))[:, :-1]

    def moved(self, boxes: Array, features: Features, label: int) -> Array:
        """Where the objects of a class are, by the crops of these boxes."""
        return regression.moved(boxes, self.boxes[label].targets(features.cells * np.float32(self.scale)))


def features_of(maps: Iterable[Array]) -> Features:
    """The Features of the last maps [n, h, w, c] of crops."""
    parts = [(y.mean(axis=(1, 2)), cells(Tensor(y)).data) for y in maps]
    return Features(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def cells(y: Tensor) -> Tensor:
    """[n, features]: all cells of maps [n, h, w, c]; of larger maps the means of LARGEST_MAP x LARGEST_MAP parts."""
    height, width = y.shape[1:3]
    if max(height, width) > LARGEST_MAP:
        y = ops.adaptive_avg_pool2d(y, (min(height, LARGEST_MAP), min(width, LARGEST_MAP)))
    return ops.flatten(y)


def norm_scale(x: Array) -> float:
    """What features are multiplied with so that their mean norm is NORM."""
    norm = float(np.sqrt(np.square(x, dtype=np.float64).sum(axis=1)).mean())
    return NORM / norm if norm else 1.0


def svms(features: Features, windows: Windows, pictures: IntArray) -> Linear:
    """The SVMs of all classes from the windows of training."""
    true = np.where(windows.true, windows.labels, BACKGROUND)
    return svm.trained(features.means, true, windows.overlaps, pictures, norm_scale(features.means))


def regressions(features: Features, windows: Windows, penalty: float) -> tuple[tuple[regression.Regression, ...], float]:
    """(a Regression for each class, the scale of cells)."""
    scale, found = norm_scale(features.cells), []
    for label in range(windows.overlaps.shape[1]):
        chosen = np.flatnonzero(regressed(windows) & (windows.labels == label))
        if not len(chosen):
            found.append(regression.Regression(np.zeros((features.cells.shape[1], 4), np.float32), np.zeros(4, np.float32)))
            continue
        part = windows.at(chosen)
        targets = regression.targets_of(part.boxes, part.targets, part.mirrored)
        found.append(regression.ridge(features.cells[chosen] * np.float32(scale), targets, penalty))
    return tuple(found), scale
