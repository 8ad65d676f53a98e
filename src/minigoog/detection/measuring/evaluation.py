"""Average precision of each class of a data set, and their mean (mAP)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array, IntArray
from ...checks import check_labels
from .. import boxes as geometry
from ..annotations.dataset import Objects
from .matching import TRUE, verdicts
from .precision import average_precision, curve
from .rules import Rule, described, rule_of


class Detections(NamedTuple):
    """What was found in one picture: boxes [n, 4], class numbers and scores [n], in any order."""

    boxes: Array
    labels: IntArray
    scores: Array


@dataclass(frozen=True)
class ClassResult:
    """The result of a class: how many objects it has (difficult ones aside), how many detections count, how many of them are right, its
    average precision (None: it has no objects), and the curve at the lowest threshold."""

    name: str
    objects: int
    detections: int
    true: int
    ap: float | None
    recall: Array
    precision: Array


@dataclass(frozen=True)
class Evaluation:
    """The results of all classes by a rule."""

    rule: str
    classes: list[ClassResult]

    @property
    def map(self) -> float | None:
        """The mean of the average precisions of the classes that have objects; None if none has."""
        found = [each.ap for each in self.classes if each.ap is not None]
        return float(np.mean(found)) if found else None

    @property
    def title(self) -> str:
        """What the rule is, in words."""
        return described(rule_of(self.rule))


def evaluate(objects: Sequence[Objects], detections: Sequence[Detections], classes: Sequence[str], rule: str = "voc") -> Evaluation:
    """The Evaluation of detections against objects, picture by picture; rule: a name of RULES."""
    if len(objects) != len(detections):
        raise ValueError(f"evaluate: `detections` has {len(detections)} pictures, expected {len(objects)}, those of `objects`")
    by, found = rule_of(rule), [_checked(each, len(classes)) for each in detections]
    return Evaluation(rule, [_of_class(label, name, objects, found, by) for label, name in enumerate(classes)])


def _checked(found: Detections, classes: int) -> Detections:
    boxes = geometry.checked("evaluate", "boxes", found.boxes)
    labels = check_labels("evaluate", found.labels, len(boxes), classes)
    order = geometry.by_score("evaluate", found.scores, len(boxes))
    return Detections(boxes[order], labels[order], np.asarray(found.scores, np.float64)[order])


def _of_class(label: int, name: str, objects: Sequence[Objects], found: Sequence[Detections], rule: Rule) -> ClassResult:
    n = sum(int((~each.difficult[each.labels == label]).sum()) for each in objects)
    rankings = [_ranking(label, objects, found, threshold, rule) for threshold in rule.thresholds]
    curves = [curve(ranking, n) for ranking in rankings]
    ap = float(np.mean([average_precision(*each, rule.points) for each in curves])) if n else None
    recall, precision = curves[0]
    return ClassResult(name, n, len(recall), int((rankings[0] == TRUE).sum()), ap, recall, precision)


def _ranking(label: int, objects: Sequence[Objects], found: Sequence[Detections], threshold: float, rule: Rule) -> IntArray:
    """The verdicts of all detections of a class, over the whole set, the highest score first."""
    of_pictures: list[Any] = [np.zeros(0, np.int8)]
    scores: list[Any] = [np.zeros(0)]
    for there, each in zip(objects, found, strict=True):
        chosen, those = np.flatnonzero(each.labels == label)[: rule.most], there.labels == label
        of_pictures.append(verdicts(each.boxes[chosen], there.boxes[those], there.difficult[those], threshold, rule))
        scores.append(each.scores[chosen])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.asarray(np.concatenate(of_pictures)[order])
