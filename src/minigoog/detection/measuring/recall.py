"""How well proposals cover the objects: recall at an IoU, and the average best overlap (ABO; its mean over classes is MABO)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...array_types import Array, IntArray
from .. import boxes as geometry
from ..annotations.dataset import Objects

THRESHOLDS = (0.5, 0.7)


@dataclass(frozen=True)
class Coverage:
    """Proposals against the objects of a data set, difficult ones aside.

    best     float64 [objects, counts]: the best IoU of each object with the first so many boxes of its picture
    labels   int64 [objects]: its class
    counts   of boxes a picture; None: all of them
    boxes    the mean number of boxes a picture, for each count"""

    classes: tuple[str, ...]
    labels: IntArray
    best: Array
    counts: tuple[int | None, ...]
    boxes: tuple[float, ...]

    def recall(self, threshold: float, count: int = -1, label: int | None = None) -> float:
        """The share of the objects (of a class) with at least this IoU, for the count of this place; NaN of none."""
        return _mean(self._of(count, label) >= threshold)

    def abo(self, count: int = -1, label: int | None = None) -> float:
        """The average best overlap of the objects (of a class)."""
        return _mean(self._of(count, label))

    def mabo(self, count: int = -1) -> float:
        """The mean of the classes' average best overlaps, over those that have objects."""
        return _mean(np.array([self.abo(count, label) for label in np.unique(self.labels).tolist()]))

    def _of(self, count: int, label: int | None) -> Array:
        return np.asarray(self.best[:, count] if label is None else self.best[self.labels == label, count])


def coverage(
    objects: Sequence[Objects], proposals: Sequence[Any], classes: Sequence[str], counts: Sequence[int | None] = (None,)
) -> Coverage:
    """The Coverage of the objects of each picture by its proposals [n, 4], the first ones first."""
    if len(objects) != len(proposals):
        raise ValueError(f"coverage: `proposals` has {len(proposals)} pictures, expected {len(objects)}, those of `objects`")
    checked = [geometry.checked("coverage", "proposals", each) for each in proposals]
    clear = [(each.boxes[~each.difficult], each.labels[~each.difficult]) for each in objects]
    best = [_best(boxes, found, counts) for (boxes, _), found in zip(clear, checked, strict=True)]
    labels = np.concatenate([np.zeros(0, np.int64), *(each for _, each in clear)])
    sizes = tuple(_mean(np.array([len(each[:count]) for each in checked], float)) for count in counts)
    return Coverage(tuple(classes), labels, np.concatenate([np.zeros((0, len(counts))), *best]), tuple(counts), sizes)


def _best(boxes: Array, proposals: Array, counts: Sequence[int | None]) -> Array:
    overlaps = geometry.iou(boxes, proposals)
    return np.stack([overlaps[:, :count].max(axis=1, initial=0) for count in counts], axis=1)


def _mean(values: Array | Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
