"""The files of MNIST and CIFAR in a folder that is given by its path, also under the names that browsers, 7-zip and Kaggle leave."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..reading import oddity
from ..text import listed, printable
from . import cifar, idx
from .scan import scan_parts

COPY = re.compile(r"[ _]?\(\d+\)|( -)? copy( \d+)?$| copy( \d+)?(?=\.)")  # what is added to a name that exists already
IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx([13])[-.]ubyte(\.gz)?")
ARCHIVE = re.compile(r"cifar-(10|100)-(binary|python)\.(tar\.gz|tgz|tar)")


class Found(NamedTuple):
    """A standard data set: its name, and its files by their original names, or the folder or archive of CIFAR's."""

    name: str
    files: dict[str, Path]
    place: Path


def recognised(folder: Path) -> Found | None:
    """The standard data set in `folder`, if there is one; ValueError if there are several."""
    if not folder.is_dir():
        return None
    found = [*_mnist(folder), *_cifar(folder)]
    if len(found) > 1:
        names = " and ".join(one.name for one in found)
        where = printable(folder)
        raise ValueError(f"open_dataset: {where} has the files of {names}, expected one; --data NAME --data-dir {where} selects it")
    return found[0] if found else None


def read(found: Found, split: str) -> tuple[NDArray[np.uint8], NDArray[np.integer], tuple[str, ...]]:
    """(images uint8 [n, h, w, c], labels, classes) of a part of the data set."""
    if not found.files:
        return cifar.read_from(found.name, split, found.place)
    for name in idx.FILES[split]:
        if name not in found.files:
            raise FileNotFoundError(f"{printable(found.place)}: has {listed(sorted(found.files))}, but not {name}")
    return idx.read_files(found.name, *(found.files[name] for name in idx.FILES[split]))


def _mnist(folder: Path) -> Iterator[Found]:
    """The IDX files in `folder`, in its folder `raw` (torchvision) or each in a folder of its own name (7-zip, Kaggle)."""
    places = [folder, folder / "raw", *(entry for entry in sorted(folder.iterdir()) if IDX.fullmatch(_plain(entry)) and entry.is_dir())]
    files: dict[str, Path] = {}
    for place in (place for place in places if place.is_dir()):
        for entry in sorted(place.iterdir(), key=lambda entry: (len(entry.name), entry.name)):  # the original before its copies
            match = IDX.fullmatch(_plain(entry))
            if match and not oddity(entry):
                files.setdefault("{}-{}-idx{}-ubyte".format(*match.groups()), entry)
    complete = all(name in files for split in ("train", "test") for name in idx.FILES[split])
    if files and (complete or not _has_classes(folder)):  # beside folders of images, a file may lie there by chance
        fashion = any("fashion" in part.lower() for part in folder.absolute().parts[-2:])
        yield Found("fashion-mnist" if fashion else "mnist", files, folder)


def _has_classes(folder: Path) -> bool:
    """Whether there are folders of classes with images."""
    return any(found.images for tree in scan_parts(folder).values() for found in tree.classes.values())


def _cifar(folder: Path) -> Iterator[Found]:
    """The unpacked files of each CIFAR data set, or else an archive."""
    for name, layout in cifar.SETS.items():
        roots = (folder, *(folder / archive.removesuffix(".tar.gz") for archive in cifar.ARCHIVES[name]))
        places = [place for root in roots for place in (root, *(root / inner for inner in layout.folders)) if _holds(place, layout)]
        places += [entry for entry in sorted(folder.iterdir()) if _archive_of(entry) == name and not oddity(entry)]
        if places:
            yield Found(name, {}, places[0])


def _holds(place: Path, layout: cifar.Layout) -> bool:
    """Whether `place` has the first training file and the test file, binary or Python batches."""
    return any(all((place / files[split][0]).is_file() for split in ("train", "test")) for files in (layout.binary, layout.batches))


def _archive_of(entry: Path) -> str:
    match = ARCHIVE.fullmatch(_plain(entry))
    return f"cifar{match[1]}" if match else ""


def _plain(entry: Path) -> str:
    """The name in small letters, without what marks a copy."""
    return COPY.sub("", entry.name.lower())
