"""MNIST and Fashion-MNIST: the IDX files, gzipped or not. (LeCun, Cortes, Burges; Xiao et al., arXiv 1708.07747)"""

import math
import os
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..reading import MOST_UNPACKED, DamagedFile, open_regular, reading, unpacked, up_to
from .download import fetch

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SETS = {"mnist": tuple("0123456789"), "fashion-mnist": FASHION}
FILES = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}
SIDE = 28
AGAIN = "delete the file and download it again"


def read(
    name: str, split: str, where: Path, download: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[str, ...]]:  # fmt: skip
    """(images uint8 [n, 28, 28, 1], labels, classes) from the files of `name` of SETS in the folder where/name, or in where itself."""
    return read_files(name, *(_find(name, file, where, download) for file in FILES[split]))


def read_files(name: str, images_file: Path, labels_file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[str, ...]]:
    """As `read`, from these files."""
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise DamagedFile(f"{images_file}: has an array of shape {images.shape}, expected (n, {SIDE}, {SIDE})")
    if labels.shape != images.shape[:1]:
        raise DamagedFile(f"{labels_file}: has an array of shape {labels.shape}, expected ({len(images)},), a label for each image")
    if labels.max(initial=0) >= len(SETS[name]):
        raise DamagedFile(f"{labels_file}: has the label {labels.max()}, expected labels from 0 to {len(SETS[name]) - 1}")
    return images[..., None], labels, SETS[name]


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The uint8 array in an IDX file, gzipped or not; DamagedFile, naming it, if it is damaged or has another element type."""
    with reading(path, "not a valid IDX file", AGAIN), open_regular(path) as raw:
        file = unpacked(raw)
        shape = _header(file)
        n = math.prod(shape)
        data = file.read(n) if file is raw and n == _rest(raw) else up_to(file, min(n, MOST_UNPACKED) + 1)
        if len(data) > MOST_UNPACKED and file is not raw:
            raise ValueError(f"unpacked, it has more than {MOST_UNPACKED} bytes, expected at most that")
        if len(data) != n:
            found = "more" if len(data) > n else len(data)
            raise ValueError(f"has {found} bytes of data, expected {n} for {shape}")
        return np.frombuffer(data, np.uint8).reshape(shape)


def _rest(file: IO[bytes]) -> int:
    """The bytes of an open file that follow."""
    return os.fstat(file.fileno()).st_size - file.tell()


def _header(file: IO[bytes]) -> tuple[int, ...]:
    """The shape of the array: after the magic number (0, 0, 8 for uint8, number of axes), big-endian lengths."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
        raise ValueError(f"has the magic number {magic.hex() or '(nothing)'}, expected 00000801 to 00000803")
    header = file.read(4 * magic[3])
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4))
    if len(header) != 4 * magic[3] or math.prod(shape) > 2**32:
        raise ValueError(f"has the shape {shape} in its header, expected {magic[3]} axes and at most 2^32 bytes")
    return shape


def _find(name: str, file: str, where: Path, download: bool) -> Path:
    """The path of a file of the data set, with or without .gz."""
    for folder in (where / name, where):
        for candidate in (folder / file, folder / f"{file}.gz"):
            if candidate.exists() and (folder != where or name == "mnist"):
                return candidate
    return fetch(name, f"{file}.gz", where, download)
