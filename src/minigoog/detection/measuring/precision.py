"""Precision and recall of a ranking, and average precision: one number for the curve."""

import numpy as np

from ...array_types import Array, IntArray
from .matching import NEITHER, TRUE


def curve(verdicts: IntArray, objects: int) -> tuple[Array, Array]:
    """(recall, precision) [n] after each detection that counts; verdicts int8 of all detections, the highest score first."""
    counted = verdicts[verdicts != NEITHER] == TRUE
    true = np.cumsum(counted)
    return true / max(objects, 1), true / np.arange(1, len(counted) + 1)


def envelope(precision: Array) -> Array:
    """The highest precision at this recall or a higher one."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def average_precision(recall: Array, precision: Array, points: int | None = None) -> float:
    """The mean of the envelope at `points` levels of recall from 0 to 1 (11: VOC 2007, 101: COCO); None: the area under it (VOC 2010)."""
    best = np.append(envelope(precision), 0.0)
    if points is None:
        return float(np.sum(np.diff(recall, prepend=0.0) * best[:-1]))
    levels = np.linspace(0, 1, points)  # not i / (points - 1), which differs in the last bit: as COCO's own program has them
    return float(best[np.searchsorted(recall, levels, side="left")].mean())
