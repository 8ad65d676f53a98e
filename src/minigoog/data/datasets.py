"""Data sets: images and their classes, in memory."""

import gzip
import os
import zlib
from importlib import resources
from pathlib import Path

import numpy as np

from . import cifar, folder, idx

DIGITS = "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI, CC BY 4.0"
INK = 16  # the largest value of a pixel in the file of digits
STANDARD = ("digits", *idx.SETS, *cifar.SETS)


class ArrayDataset:
    """`images` uint8 [n, h, w, c], `labels` int64 [n] from 0 on, `classes` their names. dataset[i] is (image, label)."""

    def __init__(self, images, labels, classes):
        self.images, self.labels, self.classes = images, np.asarray(labels, np.int64), tuple(classes)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], int(self.labels[i])

    def fingerprint(self):
        """A number that changes with the images, their order and their classes."""
        number = zlib.crc32("\n".join(self.classes).encode("utf-8", "surrogateescape"), zlib.crc32(self.labels))
        return zlib.crc32(np.ascontiguousarray(self.images), number)

    def __repr__(self):
        return f"ArrayDataset({len(self):,} images {'x'.join(map(str, self.images.shape[1:]))}, {len(self.classes)} classes)"


def open_dataset(name_or_path, split, data_dir=None, download=False):
    """The "train" or "test" part of a data set: one of STANDARD, or a folder of images (see `folder.open_folder`).

    data_dir: where the files of standard ones lie; the default is MINIGOOG_DATA, or ~/.cache/minigoog. Raises FileNotFoundError
    naming what is missing, ValueError naming a damaged file."""
    if split not in ("train", "test"):
        raise ValueError(f"open_dataset: `split` is {split!r}, expected train or test")
    if name_or_path == "digits":
        return digits()[split == "test"]
    where = Path(data_dir or os.environ.get("MINIGOOG_DATA") or "~/.cache/minigoog").expanduser()
    for kind in (idx, cifar):
        if name_or_path in kind.SETS:
            return ArrayDataset(*kind.read(name_or_path, split, where, download))
    return in_memory(folder.open_folder(name_or_path, split, STANDARD))


def in_memory(dataset):
    """A folder of small images of one size as an ArrayDataset, so that they are decoded once; any other as it is."""
    size = folder.small_size(dataset)
    if size is None:
        return dataset
    images = np.empty((len(dataset), *size), np.uint8)
    for i in range(len(dataset)):
        images[i] = dataset[i][0]
    return ArrayDataset(images, dataset.labels, dataset.classes)


def one_size(dataset):
    """Whether all images have one size for certain."""
    return isinstance(dataset, ArrayDataset)


def digits():
    """(train, test): the 1,797 handwritten digits that ship with the package, 8x8x1, from 0 (paper) to 255 (ink).

    Of each class every fifth digit, in the order of the file, is for testing: 1,442 and 355. (DIGITS says whose they are)"""
    table = _read_table(resources.files(__package__) / "digits.csv.gz")
    images = np.rint(table[:, :64] * (255 / INK)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = table[:, 64].astype(np.int64)
    for_test = np.zeros(len(labels), bool)
    for digit in range(10):
        for_test[np.flatnonzero(labels == digit)[4::5]] = True
    return tuple(ArrayDataset(images[part], labels[part], "0123456789") for part in (~for_test, for_test))


def _read_table(path):
    """The file as float32 [1797, 65]; a damaged one is named."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        table = np.loadtxt(lines or ["nothing"], dtype=np.float32, delimiter=",", comments="#")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path}: damaged ({error}): reinstall minigoog") from None
    whole = table.shape == (1797, 65) and np.isin(table[:, :64], range(INK + 1)).all() and np.isin(table[:, 64], range(10)).all()
    if not whole:
        raise ValueError(f"{path}: damaged, expected 1797 lines of 64 whole numbers from 0 to {INK} and a digit: reinstall minigoog")
    return table
