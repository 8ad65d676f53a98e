"""CIFAR's files, made in its formats: read as they say, and refused, by name, when they are damaged."""

import pickle
import tarfile

import numpy as np
import pytest

from minigoog.data import cifar, open_dataset

from .generated import random_bytes


def planes(seed, n):
    return random_bytes(seed, n, 3072)


def cifar10_binary(seed, n):
    return np.concatenate([(np.arange(n) % 10).astype(np.uint8)[:, None], planes(seed, n)], axis=1).tobytes()


def cifar10_batch(seed, n, protocol=2):
    return pickle.dumps({"data": planes(seed, n), "labels": (np.arange(n) % 10).tolist(), "filenames": ["a.png"] * n}, protocol)


def assert_is_cifar10(folder):
    train = open_dataset("cifar10", "train", folder)
    assert train.images.shape == (10, 32, 32, 3) and train.labels.tolist() == [0, 1] * 5 and train.classes == cifar.CIFAR10
    assert (train.images[2] == planes(2, 2)[0].reshape(3, 32, 32).transpose(1, 2, 0)).all()
    assert len(open_dataset("cifar10", "test", folder)) == 3


def write_all(folder, write, suffix=""):
    folder.mkdir(parents=True)
    for i in range(1, 6):
        (folder / f"data_batch_{i}{suffix}").write_bytes(write(i, 2))
    (folder / f"test_batch{suffix}").write_bytes(write(9, 3))


def test_the_binary_files_are_read(tmp_path):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    assert_is_cifar10(tmp_path)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_the_python_batches_are_read_without_pickle(tmp_path, protocol, monkeypatch):
    write_all(tmp_path / "cifar10" / "cifar-10-batches-py", lambda seed, n: cifar10_batch(seed, n, protocol))
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "Unpickler", None)
    assert_is_cifar10(tmp_path)


def test_an_archive_is_read_where_it_lies(tmp_path):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "cifar-10-batches-bin", "cifar-10-batches-bin")
    archive = tmp_path / "elsewhere" / "cifar10"
    archive.mkdir(parents=True)
    (tmp_path / "cifar-10-binary.tar.gz").rename(archive / "cifar-10-binary.tar.gz")
    assert_is_cifar10(tmp_path / "elsewhere")


def test_cifar_100_has_two_labels_and_its_names(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    records = np.concatenate([np.full((4, 1), 3, np.uint8), np.array([[99], [0], [7], [7]], np.uint8), planes(0, 4)], axis=1)
    for file in ("train.bin", "test.bin"):
        (folder / file).write_bytes(records.tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join(f"class{i}" for i in range(100)))
    train = open_dataset("cifar100", "train", tmp_path)
    assert train.labels.tolist() == [99, 0, 7, 7] and train.classes[99] == "class99"


@pytest.mark.parametrize("content, message", [
    (b"", "expected a multiple of 3073"), (b"1" * 3072, "expected a multiple of 3073"),
    (b"\x0a" + b"1" * 3072, "has the label 10, expected labels from 0 to 9"),
])  # fmt: skip
def test_damaged_binary_files_are_refused_by_name(tmp_path, content, message):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(content)
    with pytest.raises(ValueError, match=f"test_batch.bin: .*{message}"):
        open_dataset("cifar10", "test", tmp_path)


def test_a_missing_batch_is_named_with_its_folder(tmp_path):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"has neither data_batch_3\.bin nor data_batch_3; download .* again, or set --data-dir"):
        open_dataset("cifar10", "train", tmp_path)


def test_damaged_names_of_classes_are_named(tmp_path):
    write_all(tmp_path / "cifar-10-batches-py", cifar10_batch)
    (tmp_path / "cifar-10-batches-py" / "batches.meta").write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"cifar-10-batches-py: batches\.meta: not the names of CIFAR's classes"):
        open_dataset("cifar10", "test", tmp_path)


@pytest.mark.parametrize("change, message", [
    ({"labels": [3]}, "has 1 labels, expected one for each of 3 images"),
    ({"labels": [3, 4, -1]}, "has the label -1, expected labels from 0 to 9"),
    ({"labels": [3, 4, 2**70]}, "not a batch of CIFAR"),
    ({"data": planes(0, 3)[:, 1:]}, r"its `data` is uint8 \(3, 3071\), expected uint8 \(n, 3072\)"),
    ({"data": [1, 2, 3]}, "its `data` is list, expected uint8"),
    ({"labels": None}, "not a batch of CIFAR"),
])  # fmt: skip
def test_damaged_batches_are_refused_by_name(tmp_path, change, message):
    write_all(tmp_path / "cifar-10-batches-py", cifar10_batch)
    batch = {"data": planes(0, 3), "labels": [0, 1, 2]} | change
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(batch, 2))
    with pytest.raises(ValueError, match=f"test_batch: .*{message}.*; download the data set again"):
        open_dataset("cifar10", "test", tmp_path)


def test_a_damaged_archive_is_refused_by_name(tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"not gzip")
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz: not a valid \.tar\.gz archive .*download the data set again"):
        open_dataset("cifar10", "test", tmp_path)
