"""MNIST and CIFAR in a folder given by its path, under the names that browsers, 7-zip and Kaggle leave."""

import gzip
import io
import tarfile

import numpy as np
import pytest

from minigoog.data import open_dataset, standard_name

from .generated import idx_bytes, random_bytes, write_image

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def write_mnist(folder, rename):
    """Four IDX files of 20 and 10 images; rename(original name) is the path of each in `folder`."""
    for name, n in zip(IDX, (20, 20, 10, 10), strict=True):
        array = random_bytes(n, n, 28, 28) if "images" in name else (np.arange(n) % 10).astype(np.uint8)
        path = folder / rename(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(idx_bytes(array)) if path.suffix == ".gz" else idx_bytes(array))


@pytest.mark.parametrize("rename", [
    str, "{}.gz".format, "{} (1).gz".format, "{}(2).gz".format, "{} copy".format, "{0}/{0}".format, "raw/{}".format,
    lambda name: name.replace("-idx", ".idx"), lambda name: name.replace("-idx", ".idx").upper(),
    lambda name: f"{name}/{name.replace('-idx', '.idx')}", lambda name: f"{name.replace('-idx', '.idx')}/{name}",
], ids=lambda rename: rename("train-images-idx3-ubyte"))  # fmt: skip
def test_mnist_is_recognised(tmp_path, rename):
    write_mnist(tmp_path, rename)
    train, test = (open_dataset(tmp_path, split) for split in ("train", "test"))
    assert (train.images == random_bytes(20, 20, 28, 28)[..., None]).all() and len(test) == 10 and train.classes == tuple("0123456789")
    assert standard_name(tmp_path) == "mnist"


def test_fashion_mnist_is_told_by_the_name_of_the_folder(tmp_path):
    write_mnist(tmp_path / "FashionMNIST" / "raw", "{}.gz".format)
    for folder in (tmp_path / "FashionMNIST", tmp_path / "FashionMNIST" / "raw"):
        assert standard_name(folder) == "fashion-mnist" and open_dataset(folder, "train").classes[0] == "T-shirt"


def test_a_missing_file_of_mnist_is_named(tmp_path):
    write_mnist(tmp_path, str)
    (tmp_path / IDX[3]).unlink()
    assert len(open_dataset(tmp_path, "train")) == 20
    with pytest.raises(FileNotFoundError, match="has t10k-images-idx3-ubyte, .*, but not t10k-labels-idx1-ubyte"):
        open_dataset(tmp_path, "test")


@pytest.mark.parametrize("place", ["", "train"])
def test_only_all_files_of_mnist_count_beside_folders_of_classes(tmp_path, place):
    for part in ("train", "test") if place else ("",):
        for name in ("cat", "dog"):
            for k in range(5):
                write_image(tmp_path / part / name / f"{k}.png", k)
    (tmp_path / IDX[0]).write_bytes(b"anything")
    assert standard_name(tmp_path) is None and open_dataset(tmp_path, "train").classes == ("cat", "dog")
    write_mnist(tmp_path, str)
    assert standard_name(tmp_path) == "mnist" and len(open_dataset(tmp_path, "train")) == 20


def cifar_files(name):
    """{file: bytes} of CIFAR's binary version, 2 images a file."""
    label = 1 if name == "cifar10" else 2
    files = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"] if name == "cifar10" else ["train.bin", "test.bin"]
    return {file: np.hstack([np.full((2, label), i, np.uint8), random_bytes(i, 2, 3072)]).tobytes() for i, file in enumerate(files)}


@pytest.mark.parametrize("name, place", [
    ("cifar10", "."), ("cifar10", "cifar-10-batches-bin"), ("cifar10", "cifar-10-binary/cifar-10-batches-bin"),
    ("cifar100", "."), ("cifar100", "cifar-100-binary"),
])  # fmt: skip
def test_unpacked_cifar_is_recognised(tmp_path, name, place):
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for file, data in cifar_files(name).items():
        (tmp_path / place / file).write_bytes(data)
    assert standard_name(tmp_path) == name and len(open_dataset(tmp_path, "train")) == (10 if name == "cifar10" else 2)


@pytest.mark.parametrize("archive", [
    "cifar-10-binary.tar.gz", "cifar-10-binary.tar", "cifar-10-binary (1).tar.gz", "cifar-10-binary.tar (1).gz", "cifar-10-binary.tgz",
])  # fmt: skip
def test_archives_of_cifar_are_recognised(tmp_path, archive):
    with tarfile.open(tmp_path / archive, "w:" if archive.endswith(".tar") else "w:gz") as tar:
        for file, data in cifar_files("cifar10").items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{file}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    assert standard_name(tmp_path) == "cifar10" and len(open_dataset(tmp_path, "test")) == 2


def test_two_data_sets_in_one_folder_are_named(tmp_path):
    write_mnist(tmp_path, str)
    (tmp_path / "cifar-10-binary.tar").write_bytes(b"")
    with pytest.raises(ValueError, match="has the files of mnist and cifar10, expected one; --data NAME --data-dir"):
        open_dataset(tmp_path, "train")


def test_a_folder_of_images_is_no_standard_data_set(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    assert standard_name(tmp_path) is None and standard_name(tmp_path / "nowhere") is None and standard_name("digits") == "digits"
