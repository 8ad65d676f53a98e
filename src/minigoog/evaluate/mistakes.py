"""Each image's prediction, and a contact sheet of the worst mistakes."""

import math
import os
from typing import Any, NamedTuple

import numpy as np

from .. import figures
from ..array_types import Array
from ..text import printable, shortened
from .subset import files_of, numbers_of

MOST, COLUMNS = 30, 6  # images on a sheet; in a row


class Prediction(NamedTuple):
    """What the network said about an image: its file (None: none), its number in the whole data set, true and predicted class, and the
    latter's probability."""

    file: str | None
    image: int
    true: str
    predicted: str
    probability: float


def predictions(dataset: Any, probabilities: Array) -> list[Prediction]:
    """A Prediction for each image of a data set; probabilities [n, classes]."""
    found, files, numbers = [], files_of(dataset), numbers_of(dataset)
    for i, (label, row) in enumerate(zip(dataset.labels.tolist(), probabilities, strict=True)):
        best = int(row.argmax())
        file = str(files[i]) if files else None
        found.append(Prediction(file, numbers[i], dataset.classes[label], dataset.classes[best], round(float(row[best]), 6)))
    return found


def worst(found: list[Prediction]) -> list[Prediction]:
    """The wrong predictions, the surest one first."""
    return sorted((each for each in found if each.predicted != each.true), key=lambda each: -each.probability)


def draw(dataset: Any, found: list[Prediction], output: str | os.PathLike[str]) -> None:
    """Draws the first MOST of these images of a whole data set, with their true and predicted classes, into a file (extra `plots`)."""
    shown = found[:MOST]
    columns = min(COLUMNS, max(1, len(shown)))
    rows = max(1, math.ceil(len(shown) / columns))
    figure = figures.new(2.2 * columns, 2.7 * rows + 0.4)
    figure.suptitle(heading(len(found)), fontsize=10)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, each in zip(axes, shown, strict=False):
        _draw_one(axis, dataset[each.image][0], each)
    figures.save(figure, output, dpi=100)


def heading(n: int) -> str:
    """What stands above a sheet of `n` mistakes."""
    if n < 2:
        return "1 mistake" if n else "no mistakes"
    return f"{n:,} mistakes" + (f"; the {MOST} surest ones" if n > MOST else ", the surest one first")


def _draw_one(axis: Any, image: Array, each: Prediction) -> None:
    pixels = np.asarray(image)
    axis.imshow(pixels[..., 0] if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    name = os.path.basename(each.file) if each.file else f"image {each.image}"
    lines = (f"{each.predicted} {each.probability:.0%}", f"true: {each.true}", name)
    axis.set_title("\n".join(shortened(printable(line), 30).replace("$", r"\$") for line in lines), fontsize=7)
