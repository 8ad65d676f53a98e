"""CIFAR-10 and CIFAR-100: the binary files, the Python batches, and their archives. (Krizhevsky 2009)

A binary record is one byte for the class (CIFAR-100: one for the superclass, one for the class) and 3,072 for the image, channel by
channel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..array_types import IntArray
from ..reading import DamagedFile, reading
from ..text import short
from . import archive, plain_pickle
from .download import fetch

PIXELS = 3 * 32 * 32
LARGEST = 1 << 28  # bytes of a file, in an archive or not
LONGEST_NAMES = 1 << 16  # bytes of a file with the names of the classes
AGAIN = "download the data set again"
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Layout(NamedTuple):
    """The files of a data set: their names by split, their folders in archives, and where a record or batch stores the class."""

    binary: dict[str, list[str]]
    batches: dict[str, list[str]]
    folders: tuple[str, str]
    label_bytes: int
    label_key: str
    classes: int
    names: tuple[str, str, str]  # file and key of the class names in the Python batches, file in the binary ones


SETS = {
    "cifar10": Layout(
        {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]},
        {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]},
        ("cifar-10-batches-bin", "cifar-10-batches-py"), 1, "labels", 10, ("batches.meta", "label_names", "batches.meta.txt"),
    ),
    "cifar100": Layout(
        {"train": ["train.bin"], "test": ["test.bin"]}, {"train": ["train"], "test": ["test"]},
        ("cifar-100-binary", "cifar-100-python"), 2, "fine_labels", 100, ("meta", "fine_label_names", "fine_label_names.txt"),
    ),
}  # fmt: skip
ARCHIVES = {
    "cifar10": ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"),
    "cifar100": ("cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"),
}

Opener: TypeAlias = Callable[[str], bytes | None]  # from the name of a file to its bytes; None if there is no such file
Examples: TypeAlias = tuple[NDArray[np.uint8], IntArray]  # images [n, 3072], labels [n]


def read(
    name: str, split: str, where: Path, download: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:  # fmt: skip
    """(images uint8 [n, 32, 32, 3], labels, classes) from the files or an archive of `name` in where/name or where."""
    return read_from(name, split, _find(name, where, download))


def read_from(name: str, split: str, place: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """As `read`, from one folder or archive."""
    layout = SETS[name]
    wanted = {*layout.binary[split], *layout.batches[split], layout.names[0], layout.names[2]}
    open_file = _files(place) if place.is_dir() else archive.members(place, wanted, LARGEST, f"delete it and {AGAIN}").get
    parts = []
    for binary, batch in zip(layout.binary[split], layout.batches[split], strict=True):
        if (data := open_file(binary)) is not None:
            parts.append(_records(f"{place}: {binary}", data, layout))
        elif (data := open_file(batch)) is not None:
            parts.append(_batch(f"{place}: {batch}", data, layout))
        else:
            raise FileNotFoundError(f"{place}: has neither {binary} nor {batch}; {AGAIN}, or set --data-dir (data_dir=)")
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels.astype(np.int64), _class_names(place, open_file, layout)


def _find(name: str, where: Path, download: bool) -> Path:
    """An unpacked folder, or else an archive."""
    layout = SETS[name]
    for root in (where / name, where):
        for folder in (root, *(root / inner for inner in layout.folders)):
            if any((folder / files["test"][0]).is_file() for files in (layout.binary, layout.batches)):
                return folder
        for file in ARCHIVES[name]:
            if (root / file).is_file():
                return root / file
    return fetch(name, ARCHIVES[name][0], where, download)


def _files(folder: Path) -> Opener:
    """The files in a folder, by name."""

    def open_file(name: str) -> bytes | None:
        path = folder / name
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST:
            raise DamagedFile(f"{path}: has {path.stat().st_size} bytes, expected at most {LARGEST}; {AGAIN}")
        return path.read_bytes()

    return open_file


def _records(file: str, data: bytes, layout: Layout) -> Examples:
    """The examples in a binary file; `file` is its name in errors."""
    size = layout.label_bytes + PIXELS
    if not data or len(data) % size:
        raise DamagedFile(f"{file}: has {len(data)} bytes, expected a multiple of {size}; {AGAIN}")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    return _checked(file, records[:, layout.label_bytes :], records[:, layout.label_bytes - 1], layout)


def _batch(file: str, data: bytes, layout: Layout) -> Examples:
    """The examples in a Python batch."""
    with reading(file, "not a batch of CIFAR", AGAIN):
        content = _dictionary(data)
        images, labels = content["data"], content[layout.label_key]
        if not isinstance(labels, list) or not all(type(label) is int for label in labels):
            raise ValueError(f"`{layout.label_key}` is {short(labels)}, expected a list of integers")
        labels = np.array(labels, np.int64)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != PIXELS:
        found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise DamagedFile(f"{file}: its `data` is {found}, expected uint8 (n, {PIXELS}); {AGAIN}")
    return _checked(file, images, labels, layout)


def _dictionary(data: bytes) -> dict[str, Any]:
    """The dictionary in a pickle."""
    content = plain_pickle.load(data)
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__}, expected a dictionary")
    return content


def _checked(file: str, images: NDArray[np.uint8], labels: IntArray, layout: Layout) -> Examples:
    if labels.shape != images.shape[:1]:
        raise DamagedFile(f"{file}: has {len(labels)} labels, expected one for each of {len(images)} images; {AGAIN}")
    wrong = labels[(labels < 0) | (labels >= layout.classes)]
    if len(wrong):
        raise DamagedFile(f"{file}: has the label {wrong[0]}, expected labels from 0 to {layout.classes - 1}; {AGAIN}")
    return images, labels


def _class_names(place: Path, open_file: Opener, layout: Layout) -> tuple[str, ...]:
    """The names of the classes, or their numbers where no file has them."""
    meta, key, text = layout.names
    for name in (text, meta):
        with reading(f"{place}: {name}", "not the names of CIFAR's classes", AGAIN):
            data = open_file(name) or b""
            if len(data) > LONGEST_NAMES:
                raise ValueError(f"{len(data)} bytes, expected at most {LONGEST_NAMES}")
            names = data.decode("utf-8", "replace").split() if name == text else _pickled_names(data, key)
        if len(names) == layout.classes:
            return tuple(names)
    return CIFAR10 if layout.classes == len(CIFAR10) else tuple(map(str, range(layout.classes)))


def _pickled_names(data: bytes, key: str) -> list[str]:
    """The names in a pickle; none if it has none, or is empty."""
    names = _dictionary(data).get(key, []) if data else []
    if not isinstance(names, list) or not all(isinstance(name, (str, bytes)) for name in names):
        raise ValueError(f"`{key}` is {short(names)}, expected a list of names")
    return [name.decode() if isinstance(name, bytes) else name for name in names]
