"""`evaluate`: detections in a file against the objects of a data set, by one of the rules."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from ... import figures
from ...cli import Parser, number_from, output_file
from ...files import atomic_write
from ...text import aligned, listed, printable
from .. import found
from ..drawing import draw_mistakes, precision_recall
from ..measuring import RULES, Evaluation, evaluate
from ..measuring.mistakes import mistakes
from . import comparing, data, threads


def add_flags(p: Parser) -> None:
    """The flags of `evaluate`."""
    p.add_argument("detections", metavar="DETECTIONS", help="a .json file: boxes, classes and scores of each picture; or a detector")
    data.add_flags(p, required=True)
    p.add_argument("--rule", choices=tuple(RULES), default="voc", help="of average precision (default: voc, all points)")
    p.add_argument("--figure", type=figures.output, metavar="FILE", help="draws the precision-recall curves (png, svg, pdf)")
    p.add_argument("--mistakes", type=figures.output, metavar="FILE", help="draws false positives and missed objects (png, svg, pdf)")
    p.add_argument("--least", type=number_from(-1e9, 1e9), default=0.5, metavar="X", help="of the scores that count there (default: 0.5)")
    p.add_argument("--json", type=output_file, metavar="FILE", help="also writes the results")
    threads.add_flag(p)


def run(flags: Namespace) -> None:
    """Prints the table of the classes; of a detector, the paper's comparison."""
    threads.use(flags)
    if Path(flags.detections).is_dir() or flags.detections.endswith(".safetensors"):
        comparing.run(flags)
        return
    all_found = found.read(flags.detections)
    dataset = data.opened(flags)
    if others := sorted({name for each in all_found for name in each.classes or ()} - set(dataset.classes)):
        print(f"{printable(flags.detections)}: has {listed(others)}, of which the data have no objects", file=sys.stderr)
        dataset = dataset.with_classes([*dataset.classes, *others])
    detections = found.detections(flags.detections, found.of_set(flags.detections, all_found, dataset), dataset.classes)
    result = evaluate(dataset.objects, detections, dataset.classes, flags.rule)
    print(evaluation_text(result))
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(as_json(result), indent=2).encode() + b"\n")
    if flags.figure:
        precision_recall(result, flags.figure)
    if flags.mistakes:
        draw_mistakes(dataset, mistakes(dataset.objects, detections, flags.rule, flags.least), flags.mistakes)
    for written in filter(None, (flags.json, flags.figure, flags.mistakes)):
        print(f"{printable(written)}: written")


def evaluation_text(result: Evaluation) -> str:
    """A row for each class, and the mean; the rule is named."""
    rows = [("class", "objects", "detections", "right", "recall", "AP")]
    for each in result.classes:
        recall = f"{each.true / each.objects:.3f}" if each.objects else "-"
        rows.append((each.name, f"{each.objects:,}", f"{each.detections:,}", f"{each.true:,}", recall, _share(each.ap)))
    return f"{aligned(rows, right=range(1, 6))}\nmAP {_share(result.map)} ({result.title})"


def as_json(result: Evaluation) -> dict[str, object]:
    """The results as values for JSON."""
    classes = [{"class": each.name, "objects": each.objects, "detections": each.detections, "right": each.true, "ap": each.ap}
               for each in result.classes]  # fmt: skip
    return {"rule": result.rule, "title": result.title, "map": result.map, "classes": classes}


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
