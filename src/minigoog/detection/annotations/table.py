"""Boxes as CSV: a row for each object. The names of the columns say how it counts pixels.

file, class, left, top, right, bottom   edges of pixels from 0, as in `boxes`
file, class, xmin, ymin, xmax, ymax     first and last pixel from 1, as Pascal VOC
difficult                               optional: 0 or 1"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from ...reading import limited, open_regular, reading
from ...text import listed, short
from .stated import Stated, Thing, real, text

LONGEST_CSV = 1 << 26  # bytes: Python's objects take up to 27 times as much memory
EDGES, INCLUSIVE = ("left", "top", "right", "bottom"), ("xmin", "ymin", "xmax", "ymax")


def read(path: Path) -> list[Stated]:
    """What a table states of each picture, in the order of their first rows; DamagedFile, naming the file, if it is no such table."""
    with reading(path, "not a table of boxes"), open_regular(path) as file:
        rows = _rows(limited(file, LONGEST_CSV).decode("utf-8-sig"))
        head = [name.strip().lower() for name in next(rows, [])]
        corners = INCLUSIVE if "xmin" in head else EDGES
        if missing := {"file", "class", *corners} - set(head):
            raise ValueError(f"its columns are {listed(head)}, without {listed(sorted(missing))}")
        stated: dict[str, Stated] = {}
        for row in rows:
            name, thing = _thing(dict(zip(head, row, strict=False)), corners)
            stated.setdefault(name, Stated(name, None, [])).things.append(thing)
        return list(stated.values())


def _rows(content: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(io.StringIO(content, newline="")) if row)
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _thing(row: dict[str, str], corners: tuple[str, ...]) -> tuple[str, Thing]:
    left, top, right, bottom = (real(corner, row.get(corner)) for corner in corners)
    difficult = row.get("difficult", "0").strip()
    if difficult not in ("0", "1", ""):
        raise ValueError(f"its difficult is {short(difficult)}, expected 0 or 1")
    thing = Thing(text("class", row.get("class")), (left, top, right, bottom), difficult == "1", corners is INCLUSIVE)
    return text("file", row.get("file")), thing
