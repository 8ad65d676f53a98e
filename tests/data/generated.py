"""Files in the formats of data sets, made of random bytes."""

import struct

import numpy as np
import pytest


def random_bytes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def idx_bytes(array):
    """The array as an IDX file."""
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


def write_image(path, seed=0, shape=(12, 10, 3)):
    """A file with a random image."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(random_bytes(seed, *shape)).save(path)
