"""The digits that ship with the package."""

import gzip
import hashlib

import numpy as np
import pytest

from minigoog.data import datasets, digits
from tests.answers import asked


def lines():
    return gzip.decompress((datasets.resources.files("minigoog.data") / "digits.csv.gz").read_bytes()).decode().splitlines()


def test_the_split_is_stratified_and_fixed():
    train, test = digits()
    assert (len(train), len(test)) == (1442, 355)
    assert np.bincount(test.labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]


def test_images_are_nhwc_from_paper_to_ink():
    for part in digits():
        assert part.images.shape == (len(part), 8, 8, 1) and part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64 and part.images.min() == 0 and part.images.max() == 255


def test_both_parts_together_are_the_file_and_nothing_twice():
    table = datasets._read_table(datasets.resources.files("minigoog.data") / "digits.csv.gz")
    rows = np.concatenate([np.column_stack([np.rint(part.images.reshape(-1, 64) * (16 / 255)), part.labels]) for part in digits()])
    assert len(rows) == 1797 and sorted(map(tuple, rows.tolist())) == sorted(map(tuple, table.tolist()))


def digest(table):
    return hashlib.sha256(np.ascontiguousarray(table, np.uint8).tobytes()).hexdigest()


@asked("scikit-learn")
def scikit_learns_digits():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    return {"shape": (len(theirs.data), 65), "sha256": digest(np.column_stack([theirs.data, theirs.target]))}


def test_the_numbers_are_those_of_scikit_learn():
    ours, theirs = datasets._read_table(datasets.resources.files("minigoog.data") / "digits.csv.gz"), scikit_learns_digits()
    assert ours.shape == tuple(theirs["shape"]) and digest(ours) == theirs["sha256"]


def test_the_file_says_whose_the_digits_are():
    assert "E. Alpaydin" in "\n".join(lines()) and "CC BY 4.0" in "\n".join(lines()) and lines()[0].startswith("#")


DAMAGED = {"empty": b"", "not gzip": b"not gzip", "three numbers": gzip.compress(b"1,2,3\n"), "no numbers": gzip.compress(b"x" * 100),
           "cut": gzip.compress(b"1,2\n")[:-4]}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"digits\.csv\.gz: damaged.* reinstall minigoog"):
        datasets._read_table(path)


BAD = [(0, "17"), (0, "-1"), (0, "nan"), (0, "inf"), (0, "x"), (0, "1.5"), (64, "10"), (64, "-1"), (64, "3.5"), (64, "nan")]


@pytest.mark.parametrize("at, value", BAD)
def test_a_number_that_cannot_be_is_damage(tmp_path, at, value):
    *others, last = lines()
    numbers = last.split(",")
    numbers[at] = value
    (tmp_path / "digits.csv.gz").write_bytes(gzip.compress("\n".join([*others, ",".join(numbers)]).encode()))
    with pytest.raises(ValueError, match=r"digits\.csv\.gz: damaged"):
        datasets._read_table(tmp_path / "digits.csv.gz")
