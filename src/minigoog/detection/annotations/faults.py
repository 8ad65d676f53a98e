"""From what files state to pictures and objects: what is odd is named, and nothing is changed silently."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...reading import DamagedFile
from ...text import printable
from ..boxes import from_inclusive
from .dataset import Fault, Objects, Picture
from .stated import Stated, Thing

# The first two enclose nothing, so nothing can find them: such objects are left out. The third stays as it is.
ZERO, INVERTED, OUTSIDE = KINDS = ("of zero size, left out", "inverted, left out", "out of the picture")


def picture_of(source: Path, file: Path, size: tuple[int, int], stated: Stated, classes: Sequence[str]) -> tuple[Picture, list[Fault]]:
    """The Picture that a file states, and its faults; size: (height, width) of the picture itself."""
    if stated.size is not None and stated.size != size:
        sizes = [f"{width}x{height}" for height, width in (stated.size, size)]
        raise DamagedFile(f"{printable(source)}: says that {printable(file.name)} has {sizes[0]} pixels; it has {sizes[1]}")
    kinds = [fault_of(thing, size) for thing in stated.things]
    faults = [Fault(kind, _sentence(source, file, i, thing, kind))
              for i, (thing, kind) in enumerate(zip(stated.things, kinds, strict=True), start=1) if kind]  # fmt: skip
    kept = [thing for thing, kind in zip(stated.things, kinds, strict=True) if kind not in (ZERO, INVERTED)]
    return Picture(file, *size, objects_of(kept, classes)), faults


def fault_of(thing: Thing, size: tuple[int, int]) -> str:
    """Which of KINDS an object is; "" if nothing is odd about it."""
    left, top, right, bottom = thing.corners
    first = 1 if thing.inclusive else 0
    if right < left or bottom < top:
        return INVERTED
    if right == left or bottom == top:
        return ZERO
    return OUTSIDE if left < first or top < first or right > size[1] or bottom > size[0] else ""


def objects_of(things: Sequence[Thing], classes: Sequence[str]) -> Objects:
    """The Objects that are stated."""
    boxes = np.array([thing.corners for thing in things], np.float64).reshape(-1, 4)
    inclusive = np.array([thing.inclusive for thing in things], bool)
    boxes[inclusive] = from_inclusive(boxes[inclusive])
    labels = np.array([classes.index(thing.name) for thing in things], np.int64)
    return Objects(boxes, labels, np.array([thing.difficult for thing in things], bool))


def _sentence(source: Path, file: Path, number: int, thing: Thing, kind: str) -> str:
    of = "" if source.stem == file.stem else f" of {printable(file.name)}"
    corners = ", ".join(f"{value:g}" for value in thing.corners)
    return f"{printable(source)}: object {number}{of}, {printable(thing.name)[:60]} {corners}: {kind}"
