"""MNIST and Fashion-MNIST: the IDX files, gzipped or not. (LeCun, Cortes, Burges; Xiao et al., arXiv 1708.07747)"""

import gzip
import math
import zlib

import numpy as np

from .download import fetch

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SETS = {"mnist": tuple("0123456789"), "fashion-mnist": FASHION}
FILES = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}
SIDE = 28


def read(name, split, where, download=False):
    """(images uint8 [n, 28, 28, 1], labels, classes) from the files of `name` of SETS in the folder where/name, or in where itself."""
    images_file, labels_file = (_find(name, file, where, download) for file in FILES[split])
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"{images_file}: has shape {images.shape}, expected images of {SIDE}x{SIDE}")
    if labels.shape != images.shape[:1] or labels.max(initial=0) >= len(SETS[name]):
        raise ValueError(f"{labels_file}: does not hold a label from 0 to 9 for each of the {len(images)} images")
    return images[..., None], labels, SETS[name]


def read_idx(path):
    """The uint8 array in an IDX file; ValueError, naming it, for anything that is not exactly one."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
                raise ValueError(f"it begins with {magic.hex()}, expected 00000801 to 00000803")
            header = file.read(4 * magic[3])
            shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4))
            if len(shape) != magic[3] or math.prod(shape) > 2**32:
                raise ValueError(f"its header gives the shape {shape}")
            data = file.read(math.prod(shape) + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path}: not a valid IDX file ({error}): delete it and get it again") from None
    if len(data) != math.prod(shape):
        raise ValueError(f"{path}: not a valid IDX file (its header gives {math.prod(shape)} bytes): delete it and get it again")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _find(name, file, where, download):
    """The path of a file of the set, with or without .gz."""
    for folder in (where / name, where):
        for candidate in (folder / file, folder / f"{file}.gz"):
            if candidate.exists() and (folder != where or name == "mnist"):
                return candidate
    return fetch(name, f"{file}.gz", where, download)
