"""Folders of images: one folder for each class."""

import zlib
from pathlib import Path

import numpy as np

from .images import decode, upright_size

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
SMALL = 1 << 30  # bytes of all images, decoded, that are kept in memory
EVERY = 5  # without folders train and test, every fifth image of a class is for testing


class ImageFolder:
    """`paths`, `labels` int64 [n], `classes`. dataset[i] decodes: (image uint8 [h, w, 3], label)."""

    def __init__(self, paths, labels, classes):
        self.paths, self.labels, self.classes = list(paths), np.asarray(labels, np.int64), tuple(classes)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return decode(self.paths[i]), int(self.labels[i])

    def fingerprint(self):
        """A number that changes with the names and classes of the files, or their order."""
        names = "\n".join(f"{self.classes[label]}/{path.name}" for path, label in zip(self.paths, self.labels, strict=True))
        return zlib.crc32(names.encode("utf-8", "surrogateescape"))

    def __repr__(self):
        return f"ImageFolder({len(self):,} images, {len(self.classes)} classes)"


def open_folder(path, split, names=()):
    """The part "train" or "test" of a folder: path/train/<class>/<image> and path/test/<class>/<image> (or path/val/...); or
    path/<class>/<image>, of which every fifth image of each class, in the order of the names, is for testing.

    names: of data sets, for the error."""
    path = Path(path).expanduser()
    if not path.is_dir():
        archive = f"; unpack it first: {_unpack(path)}" if path.exists() else f", and no data set's name ({', '.join(names)})"
        raise FileNotFoundError(f"open_dataset: `data` is '{path}', which is no folder{archive}")
    parts = _parts(path)
    classes = _classes(parts["train"])
    root, paths, labels = parts[split], [], []
    for label, name in enumerate(classes):
        images = sorted(file for file in (root / name).iterdir() if file.suffix.lower() in SUFFIXES) if (root / name).is_dir() else []
        if parts["train"] == parts["test"]:
            images = [file for i, file in enumerate(images) if (i % EVERY == EVERY - 1) == (split == "test")]
        paths += images
        labels += [label] * len(images)
    if not paths and any(file.suffix.lower() in SUFFIXES for name in classes for file in (root / name).glob("*")):
        raise ValueError(f"open_dataset: no class of {root} has {EVERY} images, so none is for testing; make folders train and test")
    if not paths:
        raise ValueError(f"open_dataset: {root} holds no images; expected {root}/<class>/<image>, with one of {' '.join(SUFFIXES)}")
    return ImageFolder(paths, labels, classes)


def small_size(dataset):
    """The one size of all images of a folder, if they have one and all together fit into SMALL bytes; else None."""
    shape = dataset[0][0].shape
    if shape[0] * shape[1] * shape[2] * len(dataset) > SMALL:
        return None
    return shape if all(upright_size(path) == shape[:2] for path in dataset.paths) else None


def _parts(path):
    """The folders of "train" and "test": the same one where there are no two."""
    for test in ("test", "val"):
        if (path / "train").is_dir() and (path / test).is_dir():
            return {"train": path / "train", "test": path / test}
    return {"train": path, "test": path}


def _classes(root):
    """The names of the class folders, in order."""
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(names) < 2:
        raise ValueError(f"open_dataset: {root} has {len(names)} folders, expected one for each of at least 2 classes")
    return names


def _unpack(path):
    return f"python -m zipfile -e {path} FOLDER" if path.suffix == ".zip" else f"tar xf {path} -C FOLDER"
