"""The paper's comparison of a detector on a data set, as `evaluate` prints it."""

import json
from argparse import Namespace
from collections.abc import Sequence

from ...files import atomic_write
from ...text import aligned, listed, printable
from ..drawing import draw_mistakes, precision_recall
from ..measuring import RULES
from ..measuring.mistakes import mistakes
from ..measuring.rules import described
from ..rcnn.comparison import Result, compare, mean_member, rows
from . import data
from .detecting import opened
from .training import Report


def run(flags: Namespace) -> None:
    """Prints a row for each way; the figures are those of the best one."""
    detector, dataset, report = opened(flags, flags.detections), data.opened(flags), Report()
    if unknown := set(dataset.classes) - set(detector.classes):
        known = f"it knows {listed(detector.classes)}"
        raise ValueError(f"{printable(flags.detections)}: does not know {listed(sorted(unknown))}, which the data have; {known}")
    dataset = dataset.with_classes(detector.classes)
    results: list[Result] = []
    for i, now in enumerate(compare(detector, dataset, rows(detector), flags.rule), start=1):
        report.say(f"judged in {min(i, len(dataset)):,} of {len(dataset):,} pictures")
        results = now
    report.end()
    print("\n".join([table(results, dataset.classes), f"({described(RULES[flags.rule])})", *_gains(results)]))
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps([_facts(result) for result in results], indent=2).encode() + b"\n")
    best = max(results, key=lambda result: result.evaluation.map or 0 if result.evaluation else 0)
    if flags.figure and best.evaluation is not None:
        precision_recall(best.evaluation, flags.figure)
    if flags.mistakes:
        draw_mistakes(dataset, mistakes(dataset.objects, best.detections, flags.rule, flags.least), flags.mistakes)
    for written, of in ((flags.json, "all ways"), (flags.figure, best.row.title), (flags.mistakes, best.row.title)):
        if written:
            print(f"{printable(written)}: written ({of})")


def table(results: Sequence[Result], classes: Sequence[str]) -> str:
    """A row for each way: mAP and AP of each class, and what a picture costs: boxes, passes through a tail, and seconds."""
    lines = [("way", "mAP", *classes, "boxes", "tail passes", "s")]
    for each in results:
        assert each.evaluation is not None
        aps = [each.evaluation.map, *(of_class.ap for of_class in each.evaluation.classes)]
        n = max(len(each.detections), 1)
        shares = ["-" if ap is None else f"{ap:.3f}" for ap in aps]
        lines.append((each.row.title, *shares, f"{each.boxes / n:,.0f}", f"{each.passes / n:,.0f}", f"{each.seconds / n:.1f}"))
    return aligned(lines, right=range(1, 5 + len(classes)))


def _gains(results: Sequence[Result]) -> list[str]:
    """What each ensemble is better by than its members on average."""
    found = []
    for each in results:
        mean = mean_member(results, each) if len(each.row.way.members) > 1 else None
        if mean is not None and each.evaluation and each.evaluation.map is not None:
            found.append(f"{each.row.title}: {each.evaluation.map:.3f}, its mean member {mean:.3f}, {each.evaluation.map - mean:+.3f}")
    return found


def _facts(result: Result) -> dict[str, object]:
    assert result.evaluation is not None
    n = max(len(result.detections), 1)
    return {"way": result.row.title, "map": result.evaluation.map, "boxes": result.boxes / n, "passes": result.passes / n,
            "seconds": result.seconds / n, "classes": {each.name: each.ap for each in result.evaluation.classes}}  # fmt: skip
