"""Data sets: images and their classes, in memory."""

import os
import zlib
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice
from ..reading import DamagedFile, limited, reading, unpacked
from . import cifar, folder, idx, standard
from .images import Image
from .verify import without_damaged

DIGITS = "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI, CC BY 4.0"
MOST_BYTES, REINSTALL = 1 << 20, "reinstall minigoog"  # of the file of digits, unpacked; what to do if it is damaged
INK = 16  # the largest value of a pixel in the file of digits
STANDARD = ("digits", *idx.SETS, *cifar.SETS)


@runtime_checkable
class Dataset(Protocol):
    """What a DataLoader reads, a list or a class of your own: dataset[i] is (image [h, w, c], label), i from 0 to len(dataset) - 1."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> tuple[Image, int]: ...


class ArrayDataset:
    """Images in memory: `images` uint8 [n, h, w, c], `labels` int64 [n] from 0 on, `classes` their names. dataset[i] is (image, label)."""

    notes: tuple[str, ...] = ()  # as in ImageFolder
    skipped: tuple[Path, ...] = ()
    files: Sequence[Path] = ()  # of a folder whose images are all in memory: where each image is from

    def __init__(self, images: Image, labels: ArrayLike, classes: Iterable[str]) -> None:
        self.images, self.classes = images, tuple(classes)
        self.labels = _checked_labels(np.asarray(labels), len(images), len(self.classes))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Image, int]:
        return self.images[i], int(self.labels[i])

    def fingerprint(self) -> int:
        """A checksum of the images, their order and their classes."""
        number = zlib.crc32("\n".join(self.classes).encode("utf-8", "surrogateescape"), zlib.crc32(self.labels.tobytes()))
        return zlib.crc32(np.ascontiguousarray(self.images).data, number)

    def __repr__(self) -> str:
        return f"ArrayDataset({len(self):,} images {'x'.join(map(str, self.images.shape[1:]))}, {len(self.classes)} classes)"


def _checked_labels(labels: NDArray[Any], n: int, classes: int) -> NDArray[np.int64]:
    """`labels` as int64 [n], if they are that many integers, also as whole floats, from 0 to `classes` - 1."""
    where = "ArrayDataset: `labels`"
    if labels.dtype.kind not in "biuf" or not (np.floor(labels) == labels).all():
        raise TypeError(f"{where} are {labels.dtype}, expected integers")
    if labels.shape != (n,):
        raise ValueError(f"{where} has shape {labels.shape}, expected {(n,)}: one for each of {n} images")
    if n and not (labels.min() >= 0 and labels.max() < classes):
        first, last = float(labels.min()), float(labels.max())
        raise ValueError(f"{where} go from {first:g} to {last:g}, expected 0 to {classes - 1}, as there are {classes} classes")
    return labels.astype(np.int64, copy=False)


def open_dataset(
    name_or_path: str | Path, split: str, data_dir: str | Path | None = None, download: bool = False, skip_damaged: bool = False
) -> ArrayDataset | folder.ImageFolder:  # fmt: skip
    """The "train" or "test" part of a data set: digits, mnist, fashion-mnist, cifar10, cifar100, or a folder.

    A folder has path/train/<class>/<image> and path/test/<class>/<image> (or val, valid or validation, in any case), or
    path/<class>/<image>, of which every fifth image of each class is for testing; or it has the files of MNIST, Fashion-MNIST or CIFAR.
    data_dir: the folder with the files of standard data sets; the default is the environment variable MINIGOOG_DATA, or
    ~/.cache/minigoog. download: whether to download missing files. skip_damaged: decodes all images of a folder first and leaves out
    those that cannot be, which `skipped` of the result lists. Raises FileNotFoundError naming what is missing, or ValueError naming a
    damaged file or a class that is not what it seems."""
    check_choice("open_dataset", "split", split, ("train", "test"))
    if name_or_path == "digits":
        train, test = digits()
        return train if split == "train" else test
    where = Path(data_dir or os.environ.get("MINIGOOG_DATA") or "~/.cache/minigoog").expanduser()
    if name_or_path in idx.SETS:
        return ArrayDataset(*idx.read(str(name_or_path), split, where, download))
    if name_or_path in cifar.SETS:
        return ArrayDataset(*cifar.read(str(name_or_path), split, where, download))
    if found := standard.recognised(Path(name_or_path).expanduser()):
        return ArrayDataset(*standard.read(found, split))
    dataset = folder.open_folder(name_or_path, split, STANDARD)
    return in_memory(without_damaged(dataset) if skip_damaged else dataset)


def standard_name(name_or_path: str | Path) -> str | None:
    """The name of a standard data set, given itself or as a folder that has its files; None for a folder of images."""
    if name_or_path in STANDARD:
        return str(name_or_path)
    found = standard.recognised(Path(name_or_path).expanduser())
    return found.name if found else None


def in_memory(dataset: folder.ImageFolder) -> ArrayDataset | folder.ImageFolder:
    """A folder of small images of one size as an ArrayDataset, so that they are decoded once; any other folder unchanged."""
    size = folder.small_size(dataset)
    if size is None:
        return dataset
    images = np.empty((len(dataset), *size), np.uint8)
    for i in range(len(dataset)):
        images[i] = dataset[i][0]
    kept = ArrayDataset(images, dataset.labels, dataset.classes)
    kept.notes, kept.skipped, kept.files = dataset.notes, dataset.skipped, dataset.paths
    return kept


def one_size(dataset: Dataset) -> bool:
    """Whether all images are known to have the same size."""
    return isinstance(dataset, ArrayDataset)


def digits() -> tuple[ArrayDataset, ArrayDataset]:
    """(train, test): the 1,797 handwritten digits that ship with the package, 8x8x1, from 0 (background) to 255 (ink).

    Every fifth digit of each class, in the order of the file, is for testing: 1,442 and 355. (DIGITS names the source)"""
    table = _read_table(resources.files(__package__) / "digits.csv.gz")
    images = np.rint(table[:, :64] * (255 / INK)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = table[:, 64].astype(np.int64)
    for_test = np.zeros(len(labels), bool)
    for digit in range(10):
        for_test[np.flatnonzero(labels == digit)[4::5]] = True
    train, test = (ArrayDataset(images[part], labels[part], "0123456789") for part in (~for_test, for_test))
    return train, test


def _read_table(path: Traversable) -> NDArray[np.float32]:
    """The file as float32 [1797, 65]; ValueError naming it if it is damaged."""
    with reading(path, "damaged", REINSTALL), path.open("rb") as file:
        text = limited(unpacked(file), MOST_BYTES).decode()
        lines = [line for line in text.splitlines() if line.partition("#")[0].strip()]
        table = np.loadtxt(lines or ["nothing"], dtype=np.float32, delimiter=",", comments="#")
    complete = table.shape == (1797, 65) and np.isin(table[:, :64], range(INK + 1)).all() and np.isin(table[:, 64], range(10)).all()
    if not complete:
        raise DamagedFile(f"{path}: damaged, expected 1797 lines of 64 integers from 0 to {INK} and a digit; {REINSTALL}")
    return table
