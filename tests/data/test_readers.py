"""Files of data sets: read as their formats say, and refused, by name, when they are damaged or could do harm."""

import contextlib
import gzip
import io
import os
import pickle
import shutil
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.data import ArrayDataset, ImageFolder, cifar, idx, open_dataset, plain_pickle

REAL = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def random_bytes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


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
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz: there is no such file; --download gets it, --data-dir"):
        open_dataset("mnist", "train", tmp_path)


@pytest.mark.parametrize("file, content, message", [
    ("t10k-labels-idx1-ubyte", b"", "begins with"),
    ("t10k-labels-idx1-ubyte", b"\0\0\x0d\x01", "begins with 00000d01"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(3, np.uint8))[:-1], "its header gives 3 bytes"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(3, np.uint8)) + b"1", "its header gives 3 bytes"),
    ("t10k-labels-idx1-ubyte", b"\0\0\x08\x02" + b"\xff" * 8, "its header gives the shape"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(4, np.uint8)), "does not hold a label from 0 to 9 for each of the 3 images"),
    ("t10k-labels-idx1-ubyte", idx_bytes(np.full(3, 10, np.uint8)), "does not hold a label"),
    ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(random_bytes(0, 3, 28, 27))), "expected images of 28x28"),
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


# ---- CIFAR, from files made in its formats ----


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
    (b"", "expected a multiple of 3073"), (b"1" * 3072, "expected a multiple of 3073"), (b"\x0a" + b"1" * 3072, "label from 0 to 9"),
])  # fmt: skip
def test_damaged_binary_files_are_refused_by_name(tmp_path, content, message):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(content)
    with pytest.raises(ValueError, match=f"test_batch.bin: .*{message}"):
        open_dataset("cifar10", "test", tmp_path)


def test_a_missing_batch_is_named_with_its_folder(tmp_path):
    write_all(tmp_path / "cifar-10-batches-bin", cifar10_binary, ".bin")
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"cifar-10-batches-bin: has neither data_batch_3\.bin nor data_batch_3: get"):
        open_dataset("cifar10", "train", tmp_path)


def test_damaged_names_of_classes_are_named(tmp_path):
    write_all(tmp_path / "cifar-10-batches-py", cifar10_batch)
    (tmp_path / "cifar-10-batches-py" / "batches.meta").write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"cifar-10-batches-py: batches\.meta: not the names of CIFAR's classes"):
        open_dataset("cifar10", "test", tmp_path)


# ---- pickles of plain data ----


class Evil:
    """What an attacker would pickle."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


VALUES = [
    {"a": [1, -2, 3.5, None, True, False, 2**40, -(2**70)], "b": ("x", "y", "z"), "c": {}, "d": (), "e": b"\xff\x00"},
    np.arange(12, dtype=np.uint8).reshape(3, 4), np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)), [np.float32([1.5])],
]  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_data_come_back(protocol, value):
    got = plain_pickle.load(pickle.dumps(value, protocol))
    assert repr(got) == repr(value)


def test_python_2s_strings_are_bytes_but_keys_are_text():
    # python2 -c "import pickle; print(repr(pickle.dumps({'labels': ['cat', 3]}, 2)))"
    assert plain_pickle.load(b"\x80\x02}q\x00U\x06labelsq\x01]q\x02(U\x03catq\x03K\x03es.") == {"labels": [b"cat", 3]}


@pytest.mark.parametrize("evil", [
    Evil(os.system, "touch /nonexistent/owned"), Evil(eval, "1 + 1"), Evil(getattr, dict, "keys"), Evil(np.load, "x"),
    {"data": Evil(os.getpid)}, Evil(__import__, "os"), Evil(np.dtype, "O"),
], ids=["system", "eval", "getattr", "np.load", "inside", "import", "objects"])  # fmt: skip
def test_nothing_in_a_pickle_is_called(evil):
    with pytest.raises(ValueError, match="pickle"):
        value = plain_pickle.load(pickle.dumps({"data": evil}, 2))
        np.asarray(value["data"])  # a dtype alone is plain, but nothing that the reader gives out


@settings(max_examples=500)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), cut=st.integers(0, 400))
def test_fuzzed_pickles_are_read_or_refused(changes, cut):
    data = bytearray(pickle.dumps({"data": np.arange(20, dtype=np.uint8).reshape(4, 5), "labels": [1, 2, 3]}, 2))
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(ValueError):
        plain_pickle.load(bytes(data[:cut] if cut < 200 else data))


# ---- folders of images ----


@pytest.fixture
def photos(tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    for i, name in enumerate(["cat", "dog"]):
        (tmp_path / name).mkdir()
        for k in range(10):
            image_module.fromarray(random_bytes(10 * i + k, 12, 10 + k, 3)).save(tmp_path / name / f"{k}.png")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def test_every_fifth_image_of_a_folder_without_parts_is_for_testing(photos):
    train, test = (open_dataset(photos, split) for split in ("train", "test"))
    assert isinstance(train, ImageFolder) and (len(train), len(test)) == (16, 4) and train.classes == ("cat", "dog")
    assert [path.name for path in test.paths] == ["4.png", "9.png"] * 2 and test.labels.tolist() == [0, 0, 1, 1]
    image, label = test[2]
    assert label == 1 and (image == random_bytes(14, 12, 14, 3)).all()


def test_small_images_of_one_size_are_kept_in_memory(photos):
    for path in photos.glob("*/*.png"):
        if not path.name.startswith("3"):
            path.unlink()
    for name in ("cat", "dog"):
        for k in range(5):
            (photos / name / f"copy{k}.png").write_bytes((photos / name / "3.png").read_bytes())
    train = open_dataset(photos, "train")
    assert isinstance(train, ArrayDataset) and train.images.shape == (10, 12, 13, 3)


def test_photographs_that_lie_on_their_side_are_kept_in_memory_upright(tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    exif = image_module.Exif()
    exif[0x0112] = 6
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for k in range(5):
            upright = k % 2 == 0
            image = image_module.fromarray(random_bytes(k, *((6, 4, 3) if upright else (4, 6, 3))))
            image.save(tmp_path / name / f"{k}.png", **({} if upright else {"exif": exif}))
    train = open_dataset(tmp_path, "train")
    assert isinstance(train, ArrayDataset) and train.images.shape == (8, 6, 4, 3)


def test_a_validation_folder_is_for_testing(photos):
    for part in ("train", "val"):
        (photos / part).mkdir()
        for name in ("cat", "dog"):
            shutil.copytree(photos / name, photos / part / name)
    (photos / "val" / "cat" / "0.png").unlink()
    assert [len(open_dataset(photos, split)) for split in ("train", "test")] == [20, 19]


def test_too_few_images_for_a_test_part_are_named(photos):
    for path in photos.glob("*/*.png"):
        if path.stem > "3":
            path.unlink()
    with pytest.raises(ValueError, match="no class of .* has 5 images, so none is for testing"):
        open_dataset(photos, "test")


def test_sixteen_bits_become_eight_and_other_numbers_are_refused(photos):
    from PIL import Image

    from minigoog.data.images import decode

    ramp = np.array([[0, 127, 128, 257, 32896, 65535]], np.uint16)
    Image.fromarray(ramp).save(photos / "deep.png")
    assert decode(photos / "deep.png")[0, :, 1].tolist() == [0, 0, 0, 1, 128, 255]
    Image.fromarray(np.float32([[0.5]])).save(photos / "float.tif")
    with pytest.raises(ValueError, match=r"float\.tif: cannot be read .*mode F and no scale"):
        decode(photos / "float.tif")


def test_damaged_and_grey_and_turned_images(photos):
    from PIL import Image

    from minigoog.data.images import decode

    (photos / "torn.png").write_bytes((photos / "cat" / "0.png").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"torn\.png: cannot be read as an image"):
        decode(photos / "torn.png")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        decode(b"no image")
    Image.fromarray(random_bytes(0, 4, 6)).save(photos / "grey.png")
    assert (decode(photos / "grey.png") == random_bytes(0, 4, 6)[..., None]).all()
    turned, exif = Image.fromarray(random_bytes(0, 4, 6, 3)), Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned right
    buffer = io.BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    assert decode(buffer.getvalue()).shape == (6, 4, 3)


@pytest.mark.parametrize("path, message", [
    ("nothing", "is no folder, and no data set's name"),
    ("a.zip", "unpack it first: python -m zipfile -e"),
    ("a.tar.gz", "unpack it first: tar xf"),
    ("flat", "has 0 folders, expected one for each of at least 2 classes"),
])  # fmt: skip
def test_what_is_no_folder_of_images_is_named(tmp_path, path, message):
    for name in ("a.zip", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "flat").mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        open_dataset(tmp_path / path, "train")
