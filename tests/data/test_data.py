"""The digits that ship with the package, and batches."""

import gzip
import hashlib

import numpy as np
import pytest

from minigoog.data import DataLoader, Dataset, datasets, digits


def test_the_split_is_stratified_and_fixed():
    train, test = digits()
    assert (len(train), len(test)) == (1442, 355)
    assert np.bincount(test.labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    # python -c "import hashlib; from minigoog.data import digits; print(hashlib.sha256(digits()[1].images.tobytes()).hexdigest())"
    assert hashlib.sha256(test.images.tobytes()).hexdigest() == "1f96ea88bb77d575e408b4c50bda78b6b40c349e7e86d5d4e0b2435d91c458ba"


def test_images_are_nhwc_from_paper_to_ink():
    for part in digits():
        assert part.images.shape == (len(part), 8, 8, 1) and part.images.dtype == np.float32
        assert part.labels.dtype == np.int64 and part.images.min() == 0 and part.images.max() == 1


def test_the_numbers_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed: the digits were not compared with its copy")
    theirs = sklearn.load_digits()
    ours = datasets._read_table(datasets.resources.files("minigoog.data") / "digits.csv.gz")
    assert np.array_equal(ours, np.column_stack([theirs.data, theirs.target]))


def test_the_file_says_whose_the_digits_are():
    text = gzip.decompress((datasets.resources.files("minigoog.data") / "digits.csv.gz").read_bytes()).decode()
    assert "E. Alpaydin" in text and "CC BY 4.0" in text and text.startswith("#")


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"1,2,3\n"), gzip.compress(b"x" * 100), gzip.compress(b"1,2\n")[:-4]])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"digits\.csv\.gz: damaged.* reinstall minigoog"):
        datasets._read_table(path)


def numbers(n):
    """A data set whose images are their own numbers."""
    return Dataset(np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1), np.arange(n), tuple(map(str, range(n))))


def order(loader, epoch):
    return np.concatenate([labels for _, labels in loader.epoch(epoch)])


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_shows_each_image_once_with_its_label(shuffle):
    loader = DataLoader(numbers(23), 5, shuffle)
    batches = list(loader.epoch(1))
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3] and len(loader) == 5
    assert all((images[:, 0, 0, 0] == labels).all() for images, labels in batches)
    assert sorted(order(loader, 1)) == list(range(23))


def test_the_order_is_a_function_of_seed_and_epoch():
    a, b, c = (DataLoader(numbers(50), 7, shuffle=True, seed=seed) for seed in (3, 3, 4))
    assert (order(a, 2) == order(b, 2)).all()
    assert (order(a, 2) != order(a, 3)).any() and (order(a, 2) != order(c, 2)).any()


def test_a_bad_batch_size_is_named():
    with pytest.raises(ValueError, match=r"DataLoader: `batch_size` is 0, expected at least 1"):
        DataLoader(numbers(3), 0)
