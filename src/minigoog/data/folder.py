"""Folders of images: one folder for each class."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .images import decode, upright_size

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
SMALL = 1 << 30  # bytes of all images, decoded, that are kept in memory
EVERY = 5  # without folders train and test, every fifth image of a class is for testing


class ImageFolder:
    """Image files and their classes: `paths`, `labels` int64 [n], `classes`. dataset[i] decodes: (image uint8 [h, w, 3], label)."""

    def __init__(self, paths: Iterable[Path], labels: ArrayLike, classes: Iterable[str]) -> None:
        self.paths, self.labels, self.classes = list(paths), np.asarray(labels, np.int64), tuple(classes)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[NDArray[np.uint8], int]:
        return decode(self.paths[i]), int(self.labels[i])

    def fingerprint(self) -> int:
        """A checksum of the names and classes of the files and their order."""
        names = "\n".join(f"{self.classes[label]}/{path.name}" for path, label in zip(self.paths, self.labels, strict=True))
        return zlib.crc32(names.encode("utf-8", "surrogateescape"))

    def __repr__(self) -> str:
        return f"ImageFolder({len(self):,} images, {len(self.classes)} classes)"


def open_folder(path: str | Path, split: str, names: Sequence[str] = ()) -> ImageFolder:
    """The part "train" or "test" of a folder: path/train/<class>/<image> and path/test/<class>/<image> (or path/val/...); or
    path/<class>/<image>, of which every fifth image of each class, in the order of the names, is for testing.

    names: of the standard data sets, for the error message."""
    path = Path(path).expanduser()
    if not path.is_dir():
        expected = "a folder of images" + (f" or the name of a data set ({', '.join(names)})" if names else "")
        advice = f"; unpack it first: {_unpack(path)}" if path.exists() else ""
        raise FileNotFoundError(f"open_dataset: `data` is '{path}', expected {expected}{advice}")
    parts = _parts(path)
    root, halved = parts[split], parts["train"] == parts["test"]
    classes, paths, labels = _classes(parts["train"]), [], []
    for label, name in enumerate(classes):
        files = _images(root / name)
        found = [file for i, file in enumerate(files) if not halved or (i % EVERY == EVERY - 1) == (split == "test")]
        paths += found
        labels += [label] * len(found)
    if not paths and any(_images(root / name) for name in classes):
        raise ValueError(f"open_dataset: no class of {root} has {EVERY} images, so none is for testing; make folders train and test")
    if not paths:
        raise ValueError(f"open_dataset: {root} has no images, expected {root}/<class>/<image> with one of {' '.join(SUFFIXES)}")
    return ImageFolder(paths, labels, classes)


def small_size(dataset: ImageFolder) -> tuple[int, ...] | None:
    """The shape of all images of a folder, if it is the same and all together fit into SMALL bytes; else None."""
    shape = dataset[0][0].shape
    if shape[0] * shape[1] * shape[2] * len(dataset) > SMALL:
        return None
    return shape if all(upright_size(path) == shape[:2] for path in dataset.paths) else None


def _images(folder: Path) -> list[Path]:
    """The image files in the folder of a class, in the order of their names; none if there is no such folder."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES) if folder.is_dir() else []


def _parts(path: Path) -> dict[str, Path]:
    """The folders of "train" and "test"; the same folder twice if it has no such folders."""
    for test in ("test", "val"):
        if (path / "train").is_dir() and (path / test).is_dir():
            return {"train": path / "train", "test": path / test}
    return {"train": path, "test": path}


def _classes(root: Path) -> list[str]:
    """The names of the folders of classes, in order."""
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(names) < 2:
        raise ValueError(f"open_dataset: {root} has {len(names)} folders, expected one for each of at least 2 classes")
    return names


def _unpack(path: Path) -> str:
    return f"python -m zipfile -e {path} FOLDER" if path.suffix == ".zip" else f"tar xf {path} -C FOLDER"
