"""Data sets as arrays."""

import gzip
import zlib
from importlib import resources
from typing import NamedTuple

import numpy as np

DIGITS = "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI, CC BY 4.0"
INK = 16  # the largest value of a pixel


class Dataset(NamedTuple):
    """`images` float32 NHWC [n, h, w, c], `labels` int64 [n] from 0 on, and the names of the classes."""

    images: np.ndarray
    labels: np.ndarray
    classes: tuple

    def __len__(self):
        return len(self.labels)


def digits():
    """(train, test): the 1,797 handwritten digits that ship with the package, images [n, 8, 8, 1] from 0 (paper) to 1 (ink).

    Of each class every fifth digit, in the order of the file, is for testing: 1,442 and 355. (DIGITS says whose they are)"""
    table = _read_table(resources.files(__package__) / "digits.csv.gz")
    images, labels = (table[:, :64] / np.float32(INK)).reshape(-1, 8, 8, 1), table[:, 64].astype(np.int64)
    for_test = np.zeros(len(labels), bool)
    for digit in range(10):
        for_test[np.flatnonzero(labels == digit)[4::5]] = True
    names = tuple("0123456789")
    return tuple(Dataset(images[part], labels[part], names) for part in (~for_test, for_test))


def _read_table(path):
    """The file as float32 [1797, 65]; a damaged one is named."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        table = np.loadtxt(lines or ["nothing"], dtype=np.float32, delimiter=",", comments="#")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path}: damaged ({error}): reinstall minigoog") from None
    if table.shape != (1797, 65) or table.min() < 0 or table[:, :64].max() > INK or table[:, 64].max() > 9:
        raise ValueError(f"{path}: damaged, expected 1797 lines of 64 numbers from 0 to {INK} and a digit: reinstall minigoog")
    return table
