"""Which detections are right: each object is found once, by the detection with the highest score."""

import numpy as np

from ...array_types import Array, BoolArray, IntArray
from .. import boxes as geometry
from .rules import Rule

TRUE, FALSE, NEITHER = 1, 0, -1  # NEITHER: it found a difficult object, and counts neither way
TOLERANCE = 10  # pixels at the sides of a small object (ILSVRC)


def verdicts(boxes: Array, objects: Array, difficult: BoolArray, threshold: float, rule: Rule) -> IntArray:
    """int8 [n]: TRUE, FALSE or NEITHER for the detections of a class in one picture.

    boxes [n, 4], the highest score first; objects [m, 4]; difficult [m]."""
    overlaps, needed = _overlaps(boxes, objects, difficult, rule), thresholds(objects, threshold, rule)
    free = np.ones(len(objects), bool)
    found = np.zeros(len(boxes), np.int8)
    for i, row in enumerate(overlaps):
        best = _best(row, row >= needed, free, difficult, rule)
        if best is not None:
            found[i] = NEITHER if difficult[best] else TRUE if free[best] else FALSE
            free[best] = False
    return found


def _best(row: Array, reached: BoolArray, free: BoolArray, difficult: BoolArray, rule: Rule) -> int | None:
    """The object that a detection with these overlaps finds."""
    if rule.taken:
        best = int(row.argmax()) if len(row) else 0
        return best if reached[best : best + 1].any() else None
    for allowed in (free & ~difficult & reached, difficult & reached):
        if allowed.any():
            overlaps = np.where(allowed, row, -1)
            last = len(row) - 1 - int(overlaps[::-1].argmax())
            return last if rule.crowd else int(overlaps.argmax())  # of equal ones pycocotools takes the last
    return None


def thresholds(objects: Array, threshold: float, rule: Rule) -> Array:
    """[m]: the IoU that finds each object. Of an object of w x h pixels, ILSVRC asks for at most w h / ((w + 10) (h + 10)): what remains
    of the IoU when the detection is 10 pixels larger."""
    whole = np.full(len(objects), threshold)
    if not rule.small:
        return whole
    sides = objects[:, 2:] - objects[:, :2]
    return np.asarray(np.minimum(whole, geometry.areas(objects) / np.prod(sides + TOLERANCE, axis=1)))


def _overlaps(boxes: Array, objects: Array, difficult: BoolArray, rule: Rule) -> Array:
    """[n, m]: how much each detection overlaps each object."""
    found = geometry.iou(boxes, objects)
    if rule.crowd and difficult.any():
        areas = geometry.areas(boxes)
        found[:, difficult] = geometry.intersections(boxes, objects[difficult]) / np.where(areas > 0, areas, 1)[:, None]
    return found
