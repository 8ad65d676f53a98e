"""What is wrong in the detections of a test set: false positives, and objects that nothing found."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...array_types import Array
from .. import boxes as geometry
from ..annotations.dataset import Objects
from .evaluation import Detections
from .matching import FALSE, thresholds, verdicts
from .rules import rule_of


class Mistake(NamedTuple):
    """A box of picture number `picture`: a false positive with its score, or an object that was missed (score None)."""

    picture: int
    box: Array
    label: int
    score: float | None


def mistakes(objects: Sequence[Objects], detections: Sequence[Detections], rule: str, least: float) -> list[Mistake]:
    """The false positives among detections with a score of at least `least`, the surest ones first, then the objects that none of these
    reaches, the largest ones first; difficult objects aside."""
    false, missed = list[Mistake](), list[Mistake]()
    for i, (there, found) in enumerate(zip(objects, detections, strict=True)):
        order = geometry.by_score("mistakes", found.scores, len(found.boxes))
        order = order[found.scores[order] >= least]
        for label in np.union1d(there.labels, found.labels).astype(int).tolist():
            mine, those = order[found.labels[order] == label], there.labels == label
            of_class = Objects(there.boxes[those], there.labels[those], there.difficult[those])
            false += _false(i, label, found, mine, of_class, rule)
            missed += _missed(i, label, found.boxes[mine], of_class, rule)
    return sorted(false, key=lambda each: -(each.score or 0)) + sorted(missed, key=lambda each: -geometry.areas(each.box[None])[0])


def _false(i: int, label: int, found: Detections, mine: Array, there: Objects, rule: str) -> list[Mistake]:
    by = rule_of(rule)
    judged = verdicts(found.boxes[mine], there.boxes, there.difficult, by.thresholds[0], by)
    return [Mistake(i, found.boxes[n], label, float(found.scores[n])) for n in mine[judged == FALSE].tolist()]


def _missed(i: int, label: int, boxes: Array, there: Objects, rule: str) -> list[Mistake]:
    by = rule_of(rule)
    best = geometry.iou(there.boxes, boxes).max(axis=1, initial=0)
    lost = (best < thresholds(there.boxes, by.thresholds[0], by)) & ~there.difficult
    return [Mistake(i, box, label, None) for box in there.boxes[lost]]
