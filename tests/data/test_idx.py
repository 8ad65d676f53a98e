"""MNIST's files: read as their format says, and refused, by name, when they are damaged."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.data import idx, open_dataset

from .generated import idx_bytes, random_bytes

REAL = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@pytest.fixture
def mnist(tmp_path):
    """Files in the format of MNIST, some of them gzipped."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for split, n in (("train", 7), ("t10k", 3)):
        images, labels = random_bytes(n, n, 28, 28), (np.arange(n) % 10).astype(np.uint8)
        (folder / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return tmp_path


def test_mnist_is_read_gzipped_or_not(mnist):
    train, test = (open_dataset("mnist", split, mnist) for split in ("train", "test"))
    assert (train.images[..., 0] == random_bytes(7, 7, 28, 28)).all() and train.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert test.images.shape == (3, 28, 28, 1) and test.classes == tuple("0123456789")


@pytest.mark.parametrize("name, first, classes", [("mnist", 5, "0"), ("fashion-mnist", 9, "T-shirt")])
def test_the_real_files_are_read(name, first, classes):
    if not (REAL / name).is_dir():
        pytest.skip(f"the real {name} is not there (MINIGOOG_DATA): only files made in its format were read")
    train, test = (open_dataset(name, split, REAL) for split in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000) and train.labels[0] == first and train.classes[0] == classes
    assert np.bincount(test.labels, minlength=10).min() > 800


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz: no such file; --download \(download=True\) downloads it"):
        open_dataset("mnist", "train", tmp_path)


@pytest.mark.parametrize("file, content, message", [
    ("t10k-labels-idx1-ubyte", b"", r"magic number \(nothing\)"),
    ("t10k-labels-idx1-ubyte", b"\0\0\x0d\x01", "magic number 00000d01, expected 00000801"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(3, np.uint8))[:-1], "has 2 bytes of data, expected 3"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(3, np.uint8)) + b"1", "has more bytes of data, expected 3"),
    ("t10k-labels-idx1-ubyte", b"\0\0\x08\x02" + b"\xff" * 8, r"has the shape \(4294967295, 4294967295\) in its header"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(4, np.uint8)), r"has an array of shape \(4,\), expected \(3,\), a label for each image"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.full(3, 10, np.uint8)), "has the label 10, expected labels from 0 to 9"),
    ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(random_bytes(0, 3, 28, 27))), r"shape \(3, 28, 27\), expected \(n, 28, 28\)"),
    ("t10k-images-idx3-ubyte.gz", b"no gzip", "not a valid IDX file"),
    ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(random_bytes(0, 3, 28, 28)))[:-9], "not a valid IDX file"),
])  # fmt: skip
def test_damaged_mnist_is_refused_by_name(mnist, file, content, message):
    (mnist / "mnist" / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{file}: .*{message}"):
        open_dataset("mnist", "test", mnist)


@settings(max_examples=300)
@given(changes=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=5), length=st.integers(0, 90))
def test_fuzzed_idx_files_are_read_or_refused(tmp_path_factory, changes, length):
    data = bytearray(idx_bytes(random_bytes(0, 2, 5, 7)))
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "fuzzed-idx"
    path.write_bytes(data[:length] if length < 60 else data)
    try:
        assert idx.read_idx(path).dtype == np.uint8
    except ValueError as error:
        assert str(path) in str(error)
