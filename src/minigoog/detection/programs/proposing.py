"""`propose`: boxes that may hold an object, of pictures or of a data set."""

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ... import figures
from ...array_types import Array
from ...cli import Parser, integer, number, output_file
from ...data.images import decode
from ...text import aligned, printable
from .. import found
from ..annotations import Objects
from ..boxes import iou
from ..drawing.boxes import GREEN, RED, YELLOW, annotated
from ..measuring import Coverage, coverage
from ..proposals import STRATEGIES, selective_search
from . import data, threads

COUNTS = (100, 200, 500, 1000, 2000)  # boxes a picture: rows of the table
DRAWN, COLUMNS, BOXES = 12, 3, 50  # pictures in a figure, in a row of it; boxes on a picture without objects
WIDEST = 900  # pixels of a picture in a figure


def add_flags(p: Parser) -> None:
    """The flags of `propose`."""
    p.add_argument("pictures", nargs="*", metavar="PICTURE", help="images; or --data")
    data.add_flags(p, required=False)
    how = p.add_argument_group("selective search")
    how.add_argument("--strategy", choices=tuple(STRATEGIES), default="fast", help="how many hierarchies: 1, 8 or 80 (default: fast)")
    how.add_argument("--superpixels", type=number, default=1.0, metavar="X", help="2, as in the paper, halves the number of boxes")
    how.add_argument("--smallest", type=integer(0), default=20, metavar="N", help="drop boxes below N pixels at --width (default: 20)")
    how.add_argument("--width", type=integer(1), default=500, metavar="N", help="pixels to which pictures are resized (default: 500)")
    how.add_argument("--most", type=integer(1), metavar="N", help="only the first N boxes of a picture")
    how.add_argument("--seed", type=integer(0), default=0, metavar="N", help="of the order of boxes (default: 0)")
    threads.add_flag(p)
    p.add_argument("--json", type=output_file, metavar="FILE", help="writes the boxes")
    p.add_argument("--figure", type=figures.output, metavar="FILE", help=f"draws the first {DRAWN} pictures (png, svg, pdf)")


def run(flags: Namespace) -> None:
    """Proposes, and prints how well the objects of a data set are covered."""
    threads.use(flags)
    dataset, paths = data.pictures(flags)
    boxes = _proposed(flags, paths)
    if dataset:
        counts = [count for count in COUNTS if count < max(map(len, boxes))]
        print(coverage_text(coverage(dataset.objects, boxes, dataset.classes, (*counts, None))))
    if flags.json:
        settings = {name: getattr(flags, name) for name in ("strategy", "superpixels", "smallest", "width", "seed")}
        found.write(flags.json, [found.Found(str(path), each) for path, each in zip(paths, boxes, strict=True)], **settings)
    if flags.figure:
        draw(paths[:DRAWN], boxes, dataset.objects if dataset else None, flags.figure)
    for written in filter(None, (flags.json, flags.figure)):
        print(f"{printable(written)}: {min(len(paths), DRAWN if written == flags.figure else len(paths)):,} pictures")


def _proposed(flags: Namespace, paths: Sequence[Path]) -> list[Array]:
    """The boxes of each picture; progress on a terminal, or a line for each picture that was named."""
    made, began = [], time.perf_counter()
    for i, path in enumerate(paths, start=1):
        boxes = selective_search(decode(path), flags.strategy, flags.superpixels, flags.smallest, flags.seed, flags.width)
        made.append(boxes[: flags.most])
        if flags.pictures:
            print(f"{printable(path)}: {len(made[-1]):,} boxes", flush=True)
        elif sys.stderr.isatty():
            rate = (time.perf_counter() - began) / i
            print(f"\r{i:,} of {len(paths):,} pictures, {rate:.2f} s each ", end="\n" * (i == len(paths)), file=sys.stderr, flush=True)
    return made


def coverage_text(covered: Coverage) -> str:
    """Recall and MABO by number of boxes, then recall and ABO of each class for all boxes."""
    rows = [("boxes a picture", "recall at .5", "at .7", "MABO")]
    for i, mean in enumerate(covered.boxes):
        rows.append((f"{mean:,.0f}", f"{covered.recall(0.5, i):.3f}", f"{covered.recall(0.7, i):.3f}", f"{covered.mabo(i):.3f}"))
    classes = [("class", "objects", "recall at .5", "at .7", "ABO")]
    for label in np.unique(covered.labels).tolist():
        numbers = [f"{value:.3f}" for value in (covered.recall(0.5, -1, label), covered.recall(0.7, -1, label), covered.abo(-1, label))]
        classes.append((covered.classes[label], f"{(covered.labels == label).sum():,}", *numbers))
    return f"{aligned(rows, right=range(4))}\n\n{aligned(classes, right=range(1, 5))}"


def draw(paths: Sequence[Path], boxes: Sequence[Array], objects: Sequence[Objects] | None, output: str) -> None:
    """A figure of pictures: with objects, those that a box finds (green), the others (red) and their best boxes (yellow); without, the
    first boxes."""
    rows = -(-len(paths) // COLUMNS)
    figure = figures.new(4 * min(COLUMNS, len(paths)), 3.2 * rows)
    for i, path in enumerate(paths):
        axes = figure.add_subplot(rows, min(COLUMNS, len(paths)), i + 1)
        axes.imshow(_drawn(decode(path), boxes[i], objects[i] if objects else None))
        axes.set_axis_off()
        axes.set_title(f"{printable(path.name)[:40]}: {len(boxes[i]):,} boxes".replace("$", r"\$"), fontsize=8)
    figures.save(figure, output, dpi=150)


def _drawn(image: NDArray[np.uint8], boxes: Array, objects: Objects | None) -> NDArray[np.uint8]:
    if objects is None:
        return _small(annotated(image, [(boxes[:BOXES], YELLOW)]))
    overlaps = iou(objects.boxes, boxes)
    best = boxes[overlaps.argmax(axis=1)] if len(boxes) else boxes
    covered = overlaps.max(axis=1, initial=0) >= 0.5
    return _small(annotated(image, [(best, YELLOW), (objects.boxes[~covered], RED), (objects.boxes[covered], GREEN)]))


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every so many pixels of a large picture, so that a figure does not hold all of them."""
    step = -(-max(image.shape[:2]) // WIDEST)
    return image[::step, ::step]
