"""Opening a data set for detection, of any of the kinds."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...data.images import upright_size
from ...text import printable, short
from . import coco, table, voc
from .dataset import DetectionSet
from .faults import picture_of
from .stated import Stated

EXPECTED = "a folder with Annotations (Pascal VOC), a .json file (COCO) or a .csv file"


def open_detection(path: str | os.PathLike[str], split: str | None = None, pictures: str | os.PathLike[str] | None = None) -> DetectionSet:
    """The data set at `path`: a folder of Pascal VOC, or a .json (COCO) or .csv file.

    split: a list of pictures of VOC, such as "test" (None: all annotations). pictures: the folder of the pictures of a file (None: the
    file's own). DamagedFile, naming the file, for what cannot be read; the faults of objects are in `faults`."""
    place = Path(path).expanduser()
    if place.is_dir():
        if pictures is not None:
            raise ValueError(f"{printable(place)}: `pictures` is {short(os.fspath(pictures))}, but Pascal VOC has its own folder")
        if not voc.is_voc(place):
            raise ValueError(f"{printable(place)}: a folder without {voc.ANNOTATIONS}, expected {EXPECTED}")
        found = voc.read_folder(place, split)
        return _assembled(found, _names(stated for *_, stated in found))
    if split is not None:
        raise ValueError(f"{printable(place)}: `split` is {split!r}, but a file has no lists of pictures")
    folder = Path(pictures).expanduser() if pictures is not None else place.parent
    classes, all_stated = _of_file(place)
    return _assembled([(place, _inside(place, folder, each.name), each) for each in all_stated], classes)


def _of_file(place: Path) -> tuple[Sequence[str], list[Stated]]:
    ending = place.suffix.lower()
    if ending == ".json":
        return coco.read(place)
    if ending == ".csv":
        rows = table.read(place)
        return _names(rows), rows
    raise ValueError(f"{printable(place)}: expected {EXPECTED}")


def _names(stated: Iterable[Stated]) -> list[str]:
    return sorted({thing.name for each in stated for thing in each.things})


def _inside(place: Path, folder: Path, name: str) -> Path:
    """The picture of this name in a folder; ValueError if the name leads out of it."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{printable(place)}: names the picture {printable(name)[:80]!r}, expected a path below {printable(folder)}")
    return folder / name


def _assembled(found: Iterable[tuple[Path, Path, Stated]], classes: Sequence[str]) -> DetectionSet:
    made = [picture_of(source, file, upright_size(file), stated, classes) for source, file, stated in found]
    return DetectionSet(tuple(classes), [picture for picture, _ in made], [fault for _, faults in made for fault in faults])
