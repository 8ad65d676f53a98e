"""Boxes that were found, as JSON: what `propose` and `detect` write and `evaluate` reads.

{"pictures": [{"file": "a.jpg", "boxes": [[left, top, right, bottom], ...], "classes": ["cat", ...], "scores": [0.9, ...]}, ...]}

Boxes as in `boxes`; proposals have no classes and scores."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..array_types import Array, IntArray
from ..files import atomic_write
from ..reading import json_value, limited, open_regular, reading
from ..text import listed, printable, short
from .annotations import DetectionSet
from .annotations.stated import real
from .measuring import Detections

LONGEST_FOUND = 1 << 26  # bytes: Python's objects take up to 27 times as much memory


class Found(NamedTuple):
    """The boxes float64 [n, 4] in a picture, the best ones first, with the names of their classes and their scores, if they have them."""

    file: str
    boxes: Array
    classes: Sequence[str] | None = None
    scores: Sequence[float] | None = None


def write(path: str | os.PathLike[str], found: Iterable[Found], **facts: Any) -> None:
    """Writes boxes, and facts about how they were made, as JSON; coordinates are rounded to hundredths of a pixel."""
    pictures = []
    for each in found:
        entry: dict[str, Any] = {"file": each.file, "boxes": np.round(each.boxes, 2).tolist()}
        pictures.append(entry | ({} if each.classes is None else {"classes": list(each.classes), "scores": list(each.scores or ())}))
    with atomic_write(path) as file:
        file.write(json.dumps(facts | {"pictures": pictures}).encode() + b"\n")


def read(path: str | os.PathLike[str]) -> list[Found]:
    """The boxes in a file; DamagedFile, naming it, if it has none."""
    with reading(path, "not a file of boxes"), open_regular(path) as file:
        entries = json_value(limited(file, LONGEST_FOUND), dict, longest=LONGEST_FOUND)["pictures"]
        if not isinstance(entries, list):
            raise ValueError(f"its pictures are {short(entries)}, expected a list")
        return [_found(entry) for entry in entries]


def _found(entry: Any) -> Found:
    if not isinstance(entry, dict) or not isinstance(entry["file"], str):
        raise ValueError(f"it has {short(entry)}, expected an object with the file of a picture")
    rows = entry["boxes"]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise ValueError(f"its boxes are {short(rows)}, expected lists of left, top, right, bottom")
    boxes = np.array([[real("box", value) for value in row] for row in rows], np.float64).reshape(-1, 4)
    if "classes" not in entry:
        return Found(entry["file"], boxes)
    names, scores = entry["classes"], entry["scores"]
    fitting = all(isinstance(part, list) and len(part) == len(boxes) for part in (names, scores))
    if not fitting or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its classes and scores are {short(names)} and {short(scores)}, expected one of each box")
    return Found(entry["file"], boxes, names, [real("score", score) for score in scores])


def of_pictures(path: str | os.PathLike[str], found: Sequence[Found], pictures: Sequence[Path]) -> list[Found | None]:
    """The boxes of each picture, None if the file has none: those of its path or, if the pictures were moved, those of its name.

    ValueError if several pictures have this name, so that it does not tell whose boxes they are."""
    by_path = {os.path.abspath(each.file): each for each in found}
    if len(by_path) < len(found):
        twice = Counter(each.file for each in found).most_common(1)[0][0]
        raise ValueError(f"{printable(path)}: has boxes of {printable(twice)} twice, expected each picture once")
    places = [os.path.abspath(picture) for picture in pictures]
    moved = {Path(place).name: by_path[place] for place in by_path.keys() - set(places)}
    shared = _shared(by_path) | _shared(set(places))
    for place in places:
        if place not in by_path and (name := Path(place).name) in moved and name in shared:
            raise ValueError(f"{printable(path)}: several pictures are called {printable(name)}, expected boxes with the path of each")
    return [by_path.get(place) or moved.get(Path(place).name) for place in places]


def _shared(places: Iterable[str]) -> set[str]:
    """The names that several paths end with."""
    return {name for name, n in Counter(Path(place).name for place in places).items() if n > 1}


def of_set(path: str | os.PathLike[str], found: Sequence[Found], dataset: DetectionSet) -> list[Found]:
    """The boxes of each picture of a data set; none for a picture that the file does not name."""
    files = [picture.file for picture in dataset.pictures]
    if len(set(files)) < len(files):
        raise ValueError(f"{printable(Counter(files).most_common(1)[0][0])}: the data have it twice, expected each picture once")
    made = of_pictures(path, found, files)
    used = {id(each) for each in made}
    if unknown := sorted(each.file for each in found if id(each) not in used):
        raise ValueError(f"{printable(path)}: has {listed(unknown)}, which the data do not have")
    return [each or Found(str(file), np.zeros((0, 4))) for each, file in zip(made, files, strict=True)]


def detections(path: str | os.PathLike[str], found: Sequence[Found], classes: Sequence[str]) -> list[Detections]:
    """The Detections of each picture; ValueError for classes that are not among these, and for boxes without classes."""
    made = []
    for each in found:
        if each.classes is None and len(each.boxes):
            raise ValueError(f"{printable(path)}: its boxes have no classes and scores, expected detections")
        if unknown := set(each.classes or ()) - set(classes):
            raise ValueError(f"{printable(path)}: has the class {listed(sorted(unknown))}, expected one of {listed(classes)}")
        labels: IntArray = np.array([classes.index(name) for name in each.classes or ()], np.int64)
        made.append(Detections(each.boxes, labels, np.array(each.scores or (), np.float64)))
    return made
