"""Pascal VOC: a folder with Annotations/*.xml, JPEGImages/, and lists in ImageSets/Main/*.txt."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ...data.scan import SUFFIXES
from ...reading import limited, open_regular, reading
from ...text import listed, printable
from .stated import Stated, Thing, real, text

LONGEST_XML = 1 << 20  # bytes of the annotations of one picture
LONGEST_LIST = 1 << 24  # bytes of a list of pictures
LONGEST_NAME = 1 << 10  # bytes of a picture's name in a list
CLASS_LINE = re.compile(r"\S+\s+(-1|0|1)")  # 0: only difficult objects
ANNOTATIONS, PICTURES, LISTS = "Annotations", "JPEGImages", "ImageSets/Main"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def is_voc(folder: Path) -> bool:
    """Whether a folder has annotations of Pascal VOC."""
    return (folder / ANNOTATIONS).is_dir()


def files(folder: Path) -> Iterator[Path]:
    """The files of VOC in a folder that are read beside its pictures."""
    yield from (folder / ANNOTATIONS).glob("*.xml")
    yield from (folder / LISTS).glob("*.txt")


def read_folder(folder: Path, split: str | None) -> list[tuple[Path, Path, Stated]]:
    """(file of annotations, picture, what is stated) for each picture of a list, or of all annotations (None), in order."""
    found = []
    for name in _names(folder, split):
        xml = folder / ANNOTATIONS / f"{name}.xml"
        found.append((xml, _picture(folder, name), read(xml)))
    return found


def read(path: Path) -> Stated:
    """What a file of VOC states; DamagedFile, naming it, if it is none."""
    with reading(path, "not annotations of Pascal VOC"), open_regular(path) as file:
        root = tree(limited(file, LONGEST_XML))
        if root.tag != "annotation":
            raise ValueError(f"its root is {printable(root.tag)[:80]}, expected annotation")
        return Stated(root.findtext("filename") or "", _size(root), [_thing(each) for each in root.iter("object")])


def tree(data: bytes) -> Element:
    """The root of an XML document. A document type is refused: it may define entities, by which a few bytes become gigabytes."""
    builder: Any = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    root: Element = builder.close()
    return root


def _refuse(*_: object) -> None:
    raise ValueError("it has a document type (DOCTYPE), expected none")


def _names(folder: Path, split: str | None) -> list[str]:
    if split is None:
        return sorted(path.stem for path in (folder / ANNOTATIONS).glob("*.xml"))
    path = folder / LISTS / f"{split}.txt"
    if not path.exists() or _of_class(folder, path):
        what = f"{printable(split)!r} says which pictures have a class" if path.exists() else f"no list of pictures {printable(split)!r}"
        there = sorted(found.stem for found in path.parent.glob("*.txt") if not _of_class(folder, found))
        raise ValueError(f"{printable(folder)}: {what}, expected one of {listed(there) or 'none'}")
    return read_list(path)


def _of_class(folder: Path, path: Path) -> bool:
    """Whether a list is that of a class, such as cat_test: each picture with 1 or -1. Its objects are in the annotations anyway."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        first = file.readline(LONGEST_NAME).decode(errors="replace").strip()
    return bool(CLASS_LINE.fullmatch(first)) and not (folder / ANNOTATIONS / f"{first}.xml").exists()  # a picture may be called "cell 1"


def read_list(path: Path) -> list[str]:
    """The names of the pictures in a list, one a line, without their endings."""
    with reading(path, "not a list of pictures"), open_regular(path) as file:
        names = [line.strip() for line in limited(file, LONGEST_LIST).decode("utf-8-sig").splitlines() if line.strip()]
        if odd := [name for name in names if Path(name).name != name]:
            raise ValueError(f"it has {printable(odd[0])[:80]!r}, expected a name without a folder")
        return names


def _picture(folder: Path, name: str) -> Path:
    """The file of a picture: the first ending that exists, .jpg if none does."""
    fitting = (folder / PICTURES / f"{name}{ending}" for ending in SUFFIXES)
    return next((path for path in fitting if path.exists()), folder / PICTURES / f"{name}.jpg")


def _size(root: Element) -> tuple[int, int] | None:
    height, width = (root.findtext(f"size/{side}") for side in ("height", "width"))
    return (round(real("height", height)), round(real("width", width))) if height and width else None


def _thing(element: Element) -> Thing:
    left, top, right, bottom = (real(corner, element.findtext(f"bndbox/{corner}")) for corner in CORNERS)
    difficult = (element.findtext("difficult") or "0").strip() == "1"
    return Thing(text("class", element.findtext("name")), (left, top, right, bottom), difficult, inclusive=True)
