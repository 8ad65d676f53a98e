"""Folders of images: one folder for each class."""

import re
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..text import listed, printable, shell_word
from . import standard
from .images import DamagedImage, decode, upright_size
from .scan import SUFFIXES, Tree, is_class, scan_parts

SMALL = 1 << 30  # bytes of all images, decoded, that are kept in memory
EVERY = 5  # without folders train and test, every fifth image of a class is for testing
LAYOUT = "FOLDER/<class>/<image>, or FOLDER/train/<class>/<image> and FOLDER/test/<class>/<image> (or val)"
TAR, ARCHIVES = re.compile(r"\.(tar(\.(gz|bz2|xz))?|tgz|tbz2?|txz)$"), (".7z", ".rar")


class ImageFolder:
    """Image files and their classes: `paths`, `labels` int64 [n], `classes`. dataset[i] decodes: (image uint8 [h, w, 3], label).

    root: the folder that was opened. notes: sentences about what is in it but in no class. skipped: damaged files that were left out."""

    def __init__(
        self, paths: Iterable[Path], labels: ArrayLike, classes: Iterable[str], root: Path | None = None, notes: Sequence[str] = (),
        skipped: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.paths, self.labels, self.classes = list(paths), np.asarray(labels, np.int64), tuple(classes)
        self.root, self.notes, self.skipped = root, tuple(notes), tuple(skipped)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[NDArray[np.uint8], int]:
        try:
            return decode(self.paths[i]), int(self.labels[i])
        except DamagedImage as error:
            raise self._with_advice(error) from error

    def size(self, i: int) -> tuple[int, int]:
        """(height, width) of image `i`, from its file's header."""
        try:
            return upright_size(self.paths[i])
        except DamagedImage as error:
            raise self._with_advice(error) from error

    def fingerprint(self) -> int:
        """A checksum of the names and classes of the files and their order."""
        names = "\n".join(f"{self.classes[label]}/{path.name}" for path, label in zip(self.paths, self.labels, strict=True))
        return zlib.crc32(names.encode("utf-8", "surrogateescape"))

    def _with_advice(self, error: DamagedImage) -> DamagedImage:
        folder = "FOLDER" if self.root is None else shell_word(self.root)
        advice = f"python -m minigoog.data check {folder} lists all damaged images, --skip-damaged (skip_damaged=True) leaves them out"
        return DamagedImage(f"{error}; {advice}")

    def __repr__(self) -> str:
        return f"ImageFolder({len(self):,} images, {len(self.classes)} classes)"


def open_folder(path: str | Path, split: str, names: Sequence[str] = ()) -> ImageFolder:
    """The part "train" or "test" of a folder: path/train/<class>/<image> and path/test/<class>/<image> (or path/val/..., see PARTS); or
    path/<class>/<image>, of which every fifth image of each class, in the order of the names, is for testing.

    names: of the standard data sets, for the error message. ValueError, naming the folder, if a class is empty, has its images in folders
    below, or is for testing only."""
    path = Path(path).expanduser()
    check_folder(path, names)
    trees = scan_parts(path)
    if wrong := wrong_classes(path, trees):
        more = f" ({len(wrong) - 1} more faults: python -m minigoog.data check {shell_word(path)})" if len(wrong) > 1 else ""
        raise ValueError(f"open_dataset: {wrong[0]}{more}")
    paths, labels = [], []
    for label, name in enumerate(trees["train"].classes):
        found = images_of(trees, split, name)
        paths += found
        labels += [label] * len(found)
    if not paths:
        few = f"no class of {printable(path)} has {EVERY} images, so none is for testing"
        raise ValueError(f"open_dataset: {few}; make folders train and test")
    return ImageFolder(paths, labels, trees["train"].classes, path, notes(trees, split))


def small_size(dataset: ImageFolder) -> tuple[int, ...] | None:
    """The shape of all images of a folder, if it is the same and all together fit into SMALL bytes; else None."""
    shape = dataset[0][0].shape
    if shape[0] * shape[1] * shape[2] * len(dataset) > SMALL:
        return None
    return shape if all(dataset.size(i) == shape[:2] for i in range(len(dataset))) else None


def check_folder(path: Path, names: Sequence[str] = ()) -> None:
    """Raises FileNotFoundError, with advice, if `path` is no folder; names: of the standard data sets."""
    if not path.is_dir():
        expected = "a folder of images" + (f" or the name of a data set ({', '.join(names)})" if names else "")
        advice = _advice(path) if path.exists() else ""
        raise FileNotFoundError(f"open_dataset: `data` is '{printable(path)}', expected {expected}{advice}")


def images_of(trees: dict[str, Tree], split: str, name: str) -> list[Path]:
    """The images of the class `name` that are for `split`."""
    files = trees[split].classes[name].images if name in trees[split].classes else []
    halved = trees["train"] is trees["test"]
    return [file for i, file in enumerate(files) if not halved or (i % EVERY == EVERY - 1) == (split == "test")]


def wrong_classes(path: Path, trees: dict[str, Tree]) -> list[str]:
    """Sentences about classes that are empty, too few, in folders below, or for testing only; such a folder is not opened."""
    train, root = trees["train"], printable(trees["train"].root)
    if len(train.classes) < 2:
        inside = [entry for entry in sorted(train.root.iterdir()) if is_class(entry) and sum(map(is_class, entry.iterdir())) > 1]
        hint = f"; perhaps {printable(inside[0])} is meant" if inside else ""
        return [f"{root} has {len(train.classes)} folders, expected one for each of at least 2 classes{hint}"]
    if not any(found.images or found.below for found in train.classes.values()):
        return [f"{root} has no images, expected {LAYOUT} with one of {' '.join(SUFFIXES)}"]
    wrong = []
    for name, found in train.classes.items():
        if found.below and not found.images:
            example = printable(found.below[0].relative_to(path))
            wrong.append(f"{root}: the class {printable(name)} has its images in folders below ({example}), expected {LAYOUT}")
    if empty := [name for name, found in train.classes.items() if not found.images and not found.below]:
        wrong.append(f"{root} has no images for {some(empty)}; add some, or remove the folder")
    if unknown := [name for name in trees["test"].classes if name not in train.classes]:
        wrong.append(f"{printable(trees['test'].root)} has {some(unknown)}, which {root} has not")
    return wrong


def notes(trees: dict[str, Tree], split: str) -> list[str]:
    """Sentences about what is in a part of the folder but in none of its classes, and about classes without images in this part."""
    tree = trees[split]
    every = [found for name, found in tree.classes.items() if name in trees["train"].classes]
    kinds: dict[str, Sequence[Path | str]] = {
        "files that are no images": [file for found in every for file in found.skipped],
        "files that cannot be read": [f"{file} ({why})" for found in every for file, why in found.odd],
        "images in folders below a class": [file for found in every for file in found.below],
        "images outside of all classes": tree.loose,
    }
    said = [f"skipped {len(files):,}: {kind}, such as {printable(files[0])}" for kind, files in kinds.items() if files]
    untested = [name for name, found in trees["train"].classes.items() if found.images and not images_of(trees, split, name)]
    return said + ([f"there are no {split} images of {some(untested)}"] if untested else [])


def some(names: Sequence[str]) -> str:
    """The class cat; or the classes cat, dog and 18 more"""
    return f"the class{'es' * (len(names) > 1)} {listed(names, 5)}"


def _advice(path: Path) -> str:
    """What to do with a file that was given in place of a folder."""
    with suppress(OSError, ValueError):
        found = standard.recognised(path.parent)
        if found and path in (*found.files.values(), found.place):
            return f" (it is a file of {found.name}; its folder is meant: {shell_word(path.parent)})"
    name = path.name.lower()
    if name.endswith(".zip"):
        return f"; unpack it first: python -m zipfile -e {shell_word(path)} FOLDER"
    if TAR.search(name):
        return f"; unpack it first: mkdir FOLDER; tar xf {shell_word(path)} -C FOLDER"
    return "; unpack it first" if name.endswith(ARCHIVES) else " (it is a file)"
