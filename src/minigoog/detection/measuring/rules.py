"""The rules by which average precision is measured. They differ by points on one and the same result, so a number needs its rule."""

from typing import NamedTuple

import numpy as np

from ...checks import check_choice


class Rule(NamedTuple):
    """A rule.

    points      recall levels at which precision is averaged; None: the area under the curve
    taken       whether a detection is compared with objects that are already found: then one beside a free neighbour is wrong
    small       small objects have lower thresholds (ILSVRC)
    crowd       what difficult objects hide is measured by the detection's area (COCO's crowds)
    thresholds  of IoU, over which the result is averaged
    most        detections of a class in a picture that count: the best ones"""

    title: str
    points: int | None = None
    taken: bool = False
    small: bool = False
    crowd: bool = False
    thresholds: tuple[float, ...] = (0.5,)
    most: int | None = None


COCO = tuple(np.linspace(0.5, 0.95, 10).tolist())  # to the last bit as COCO's own program has them
RULES = {
    "voc07": Rule("VOC 2007: 11 points", points=11, taken=True),
    "voc": Rule("VOC 2010: all points", taken=True),
    "ilsvrc": Rule("ILSVRC: all points, lower thresholds for small objects", small=True),
    "coco50": Rule("COCO: 101 points", points=101, crowd=True, most=100),
    "coco": Rule("COCO: 101 points", points=101, crowd=True, most=100, thresholds=COCO),
}


def rule_of(name: str) -> Rule:
    """The Rule of this name."""
    return RULES[check_choice("detection", "rule", name, tuple(RULES))]


def described(rule: Rule) -> str:
    """VOC 2010: all points, IoU .5"""
    low, high = rule.thresholds[0], rule.thresholds[-1]
    return f"{rule.title}, IoU {low:.2g}" + (f" to {high:.2g}" if high > low else "")
