"""The paper's comparison on a test set: the same detector in several ways, and what each of them costs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array, BoolArray
from .. import boxes as geometry
from ..annotations import DetectionSet
from ..measuring import Detections, Evaluation, evaluate
from .detector import Detector, Way, proposed
from .heads import Features


class Row(NamedTuple):
    """A row of the comparison: what it is called, the proposals (a name of `proposals_of`), and how they are judged."""

    title: str
    proposals: str
    way: Way


@dataclass
class Result:
    """What a row came to: detections picture by picture; and in all: boxes, which is how often the trunk runs, passes
    through a tail, and seconds."""

    row: Row
    detections: list[Detections] = field(default_factory=list)
    boxes: int = 0
    passes: int = 0
    seconds: float = 0.0
    evaluation: Evaluation | None = None


def rows(detector: Detector) -> list[Row]:
    """The rows that a detector has the parts for."""
    heads, one = detector.members[0].heads, Way((0,), "softmax", False)
    found = [Row("one model", "x1", one), Row("superpixels x2", "x2", one)]
    if detector.multibox:
        found += [Row("x1 and MultiBox", "x1+", one), Row("x2 and MultiBox", "x2+", one)]
    if heads.svm:
        found.append(Row("SVM", "x1", one._replace(head="svm")))
    if heads.boxes:
        found += [Row(f"{name}box regression", where, one._replace(regress=True)) for name, where in (("", "x1"), ("x2, ", "x2"))]
        if heads.svm:
            found.append(Row("SVM, box regression", "x1", one._replace(head="svm", regress=True)))
    return found + [row for regress in (False, True)[: 1 + bool(heads.boxes)] for row in _ensemble(detector, regress)]


def _ensemble(detector: Detector, regress: bool) -> list[Row]:
    """All members together, and each of the others alone (the first one is `one model`); without box regression the paper's ensemble."""
    n = len(detector.members)
    if n == 1:
        return []
    said, way = ", box regression" if regress else "", Way(tuple(range(n)), "softmax", regress)
    alone = [Row(f"member {i + 1}{said}", "x1", way._replace(members=(i,))) for i in range(1, n)]
    papers = [Row(f"ensemble of {n}, x2 and MultiBox", "x2+", way)] if detector.multibox and not regress else []
    return [*alone, Row(f"ensemble of {n}{said}", "x1", way), *papers]


def mean_member(results: Sequence[Result], ensemble: Result) -> float | None:
    """The mean mAP of the members of an ensemble, each judged alone in the same way; None if not all of them were."""
    members = ensemble.row.way.members
    alone = {Row("", ensemble.row.proposals, ensemble.row.way._replace(members=(i,))) for i in members}
    found = [each.evaluation.map or 0.0 for each in results if each.evaluation and each.row._replace(title="") in alone]
    return float(np.mean(found)) if len(found) == len(members) else None


def compare(
    detector: Detector, dataset: DetectionSet, chosen: Sequence[Row], rule: str
) -> Iterator[list[Result]]:
    """The Results of the rows after each picture, and with their evaluations at the end.

    Each box is a crop once, whichever rows look at it. Seconds are what a row would take alone: of its proposals, and of as many passes."""
    results = [Result(row) for row in chosen]
    for picture in dataset.pictures:
        _picture(detector, picture.pixels(), results)
        yield results
    for result in results:
        result.evaluation = evaluate(dataset.objects, result.detections, dataset.classes, rule)
    yield results


def _picture(detector: Detector, image: NDArray[np.uint8], results: Sequence[Result]) -> None:
    sets = _proposals(detector, image, {result.row.proposals for result in results})
    boxes = np.concatenate([found for found, _ in sets.values()])
    boxes = boxes[geometry.distinct(boxes)]
    began = time.perf_counter()
    maps = list(detector.maps(image, boxes))
    trunk, began = time.perf_counter() - began, time.perf_counter()
    features = detector.features(maps)
    tail = (time.perf_counter() - began) / len(features)
    for result in results:
        found, seconds = sets[result.row.proposals]
        where = _among(boxes, found)
        parts, members = [Features(*(part[where] for part in x)) for x in features], len(result.row.way.members)
        began = time.perf_counter()
        result.detections.append(detector.judged(boxes[where], parts, result.row.way, image.shape[:2]))
        result.seconds += time.perf_counter() - began + seconds + (trunk + tail * members) * len(found) / max(len(boxes), 1)
        result.boxes, result.passes = result.boxes + len(found), result.passes + len(found) * members


def _proposals(detector: Detector, image: NDArray[np.uint8], wanted: set[str]) -> dict[str, tuple[Array, float]]:
    """(boxes, seconds) by name: x1 and x2, the size of superpixels, whatever that of the detector is; with a plus those of MultiBox too."""
    found, began = {}, time.perf_counter()
    more = detector.looked(image)
    looking = time.perf_counter() - began
    for times in sorted({name.strip("+") for name in wanted}):
        began = time.perf_counter()
        boxes = proposed(image, replace(detector.settings, superpixels=float(times[1:])))
        found[times] = boxes, time.perf_counter() - began
        found[f"{times}+"] = np.concatenate([boxes, more]), found[times][1] + looking
    return {name: found[name] for name in wanted}


def _among(boxes: Array, wanted: Array) -> BoolArray:
    """Which of the distinct boxes are among others."""
    together = np.concatenate([wanted, boxes])
    return np.asarray(~geometry.distinct(together)[len(wanted) :])
