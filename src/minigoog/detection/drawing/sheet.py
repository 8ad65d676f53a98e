"""A contact sheet of mistakes (extra `plots`)."""

import math
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ... import figures
from ...text import printable, shortened
from ..annotations import DetectionSet, Objects
from ..measuring.mistakes import Mistake
from .boxes import GREEN, RED, YELLOW, annotated

MOST, COLUMNS = 24, 6  # of each kind; in a row
AROUND = 1.0  # of the box's size, shown on each side of it


def draw_mistakes(dataset: DetectionSet, found: Sequence[Mistake], output: str | os.PathLike[str]) -> None:
    """Draws the first MOST false positives (red) with the objects around them (green), and the first MOST missed objects (yellow)."""
    false, missed = ([each for each in found if (each.score is None) == is_missed] for is_missed in (False, True))
    shown = [*false[:MOST], *missed[:MOST]]
    rows = max(1, math.ceil(len(shown) / COLUMNS))
    figure = figures.new(2 * COLUMNS, 2.3 * rows + 0.5)
    figure.suptitle(f"{len(false):,} false positives (red; objects green), {len(missed):,} missed objects (yellow)", fontsize=10)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, each in zip(axes, shown, strict=False):
        picture = dataset.pictures[each.picture]
        axis.imshow(_part(picture.pixels(), each, picture.objects))
        said = dataset.classes[each.label] + (" missed" if each.score is None else f" {each.score:.2f}")
        lines = (said, picture.file.name)
        axis.set_title("\n".join(shortened(printable(line), 26).replace("$", r"\$") for line in lines), fontsize=7)
    figures.save(figure, output, dpi=110)


def _part(image: NDArray[np.uint8], each: Mistake, objects: Objects) -> NDArray[np.uint8]:
    """The surroundings of a box, with outlines."""
    layers = [(each.box[None], YELLOW)] if each.score is None else [(objects.boxes, GREEN), (each.box[None], RED)]
    drawn = annotated(image, layers)
    side = AROUND * (each.box[2:] - each.box[:2])
    left, top = np.floor(np.maximum(each.box[:2] - side, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(each.box[2:] + side, image.shape[1::-1])).astype(int)
    return drawn[top : max(bottom, top + 1), left : max(right, left + 1)]
