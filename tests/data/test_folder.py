"""Folders of images: their layouts, and folders as people have them."""

import os
import shutil

import numpy as np
import pytest

from minigoog.data import ArrayDataset, DamagedImage, ImageFolder, open_dataset

from .generated import random_bytes, write_image


@pytest.fixture
def photos(tmp_path):
    for i, name in enumerate(["cat", "dog"]):
        for k in range(10):
            write_image(tmp_path / name / f"{k}.png", 10 * i + k, (12, 10 + k, 3))
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


# ---- layouts ----


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
    assert isinstance(train, ArrayDataset) and train.images.shape == (10, 12, 13, 3) and len(train.notes) == 1


def test_photographs_that_are_stored_rotated_are_kept_in_memory_upright(tmp_path):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    exif = pillow.Exif()
    exif[0x0112] = 6
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for k in range(5):
            upright = k % 2 == 0
            image = pillow.fromarray(random_bytes(k, *((6, 4, 3) if upright else (4, 6, 3))))
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


@pytest.mark.parametrize("train, test", [("Train", "Test"), ("TRAIN", "VAL"), ("train", "valid"), ("Train", "Validation")])
def test_parts_are_recognised_by_their_usual_names_in_any_case(parts, train, test):
    (parts / "train").rename(parts / train)
    (parts / "test").rename(parts / test)
    (parts / test / "cat" / "0.png").unlink()
    assert [len(open_dataset(parts, split)) for split in ("train", "test")] == [4, 3]


def test_too_few_images_for_a_test_part_are_named(photos):
    for path in photos.glob("*/*.png"):
        if path.stem > "3":
            path.unlink()
    with pytest.raises(ValueError, match="no class of .* has 5 images, so none is for testing"):
        open_dataset(photos, "test")


@pytest.mark.parametrize("path, message", [
    ("nothing", r"/nothing', expected a folder of images or the name of a data set \(digits, mnist"),
    ("a.zip", r"unpack it first: python -m zipfile -e \S*/a.zip FOLDER$"), ("A.ZIP", "unpack it first: python -m zipfile -e"),
    ("a.tar.gz", r"unpack it first: mkdir FOLDER; tar xf \S*/a.tar.gz -C FOLDER$"), ("a.tgz", "unpack it first: mkdir FOLDER; tar xf"),
    ("a.7z", "unpack it first$"), ("a.csv.gz", r"\(it is a file\)$"),
    ("train-images-idx3-ubyte.gz", r"\(it is a file of mnist; its folder is meant: \S+\)$"),
    ("cat.jpg", r"the name of a data set \(.*\) \(it is a file\)$"),
    ("flat", "has 0 folders, expected one for each of at least 2 classes$"),
    ("above", r"has 1 folders, expected one for each of at least 2 classes; perhaps .*above/photos is meant"),
])  # fmt: skip
def test_anything_but_a_folder_of_images_is_named(tmp_path, path, message):
    for name in ("a.zip", "A.ZIP", "a.tar.gz", "a.tgz", "a.7z", "a.csv.gz", "train-images-idx3-ubyte.gz", "cat.jpg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "flat").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "above" / "photos" / name).mkdir(parents=True)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        open_dataset(tmp_path / path, "train")


# ---- classes that are not what they seem ----


def move_deeper(root):
    for k in range(2):
        write_image(root / "train" / "bird" / "small" / f"{k}.png")


@pytest.mark.parametrize("change, message", [
    (move_deeper, r"the class bird has its images in folders below \(train/bird/small/0\.png\), expected FOLDER/<class>/<image>"),
    (lambda root: (root / "train" / "bird").mkdir(), "has no images for the class bird; add some, or remove the folder"),
    (lambda root: [(root / "train" / f"b{i}").mkdir() for i in range(9)], r"the classes b0, b1, b2, b3, b4 and 4 more"),
    (lambda root: write_image(root / "test" / "bird" / "0.png"), "test has the class bird, which .*train has not"),
    (lambda root: shutil.rmtree(root / "test" / "dog") or (root / "test" / "Dog").mkdir(), "test has the class Dog, which .*train has not"),
    (lambda root: (root / "test").rename(root / "dev"), r"the class dev has its images in folders below \(dev/cat/0\.png\).* \(or val\)"),
    (lambda root: [(root / "test").rename(root / "Valid"), shutil.copytree(root / "Valid", root / "validation")],
     "has the folders Valid, validation, expected one of them: train, and test or val"),
    (lambda root: [path.unlink() for path in root.glob("train/*/*")], "train has no images, expected FOLDER/<class>"),
], ids=["deeper", "empty", "many", "test-only", "misspelt", "dev", "two", "nothing"])  # fmt: skip
@pytest.mark.parametrize("split", ["train", "test"])
def test_what_would_change_the_classes_is_refused(parts, change, message, split):
    change(parts)
    with pytest.raises(ValueError, match=f"^open_dataset: .*{message}"):
        open_dataset(parts, split)


def test_an_error_about_a_class_says_that_there_are_more(parts):
    (parts / "train" / "bird").mkdir()
    write_image(parts / "test" / "fish" / "0.png")
    with pytest.raises(ValueError, match=r"for the class bird; .* \(1 more faults: python -m minigoog\.data check \S+\)$"):
        open_dataset(parts, "train")


@pytest.mark.parametrize("junk", ["__MACOSX", "@eaDir", ".ipynb_checkpoints", ".git", "$RECYCLE.BIN", "System Volume Information"])
def test_folders_that_systems_leave_are_no_classes(parts, junk):
    for place in (parts, parts / "train", parts / "test", parts / "train" / "cat"):
        write_image(place / junk / "1.png")
    train, test = (open_dataset(parts, split) for split in ("train", "test"))
    assert train.classes == ("cat", "dog") and (len(train), len(test)) == (4, 4)


def test_a_class_without_test_images_is_said(parts):
    shutil.rmtree(parts / "test" / "dog")
    assert open_dataset(parts, "test").notes == ("there are no test images of the class dog",)
    assert open_dataset(parts, "train").notes == ()


# ---- files that are no images ----


def test_what_is_no_image_is_skipped_and_counted(parts):
    cat = parts / "train" / "cat"
    for name in ("._0.png", "Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt"):
        (cat / name).write_bytes(b"\0")
    (cat / "x.png").mkdir()
    (cat / "photo.heic").write_bytes(b"\0")
    (cat / "y.jpg").symlink_to("nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(cat / "z.jpg")
    write_image(cat / "more" / "0.png")
    write_image(parts / "train" / "0.png")
    train = open_dataset(parts, "train")
    assert len(train) == 4
    files, odd, below, loose = train.notes
    assert files.startswith("skipped 5: files that are no images, such as ") and files.endswith(".DS_Store")
    assert odd.startswith(f"skipped {3 + hasattr(os, 'mkfifo')}: files that cannot be read, such as ") and ".heic file" in odd
    assert below.startswith("skipped 1: images in folders below a class") and loose.startswith("skipped 1: images outside of all classes")


@pytest.mark.parametrize("suffix", [".JPG", ".jfif", ".Png", ".tif"])
def test_suffixes_of_images(parts, suffix):
    (parts / "train" / "cat" / f"new{suffix}").write_bytes((parts / "train" / "cat" / "0.png").read_bytes())
    assert len(open_dataset(parts, "train")) == 5


# ---- damaged images ----


def test_the_first_damaged_image_is_named_with_what_to_do(photos):
    (photos / "cat" / "3.png").write_bytes(b"torn")
    train = open_dataset(photos, "train")
    with pytest.raises(DamagedImage, match=r"cat/3\.png: cannot be read .*; python -m minigoog\.data check \S+ lists .*, --skip-damaged"):
        [train[i] for i in range(len(train))]


@pytest.mark.parametrize("one_size", [False, True])
def test_damaged_images_are_left_out_on_request(photos, one_size):
    if one_size:
        for path in photos.glob("*/*.png"):
            write_image(path)
    (photos / "cat" / "3.png").write_bytes(b"torn")
    (photos / "dog" / "4.png").write_bytes(b"")
    train, test = (open_dataset(photos, split, skip_damaged=True) for split in ("train", "test"))
    assert isinstance(train, ArrayDataset) == one_size
    assert (len(train), len(test)) == (15, 3) and np.bincount(train.labels).tolist() == [7, 8]
    assert [path.name for path in (*train.skipped, *test.skipped)] == ["3.png", "4.png"] and len(train.notes) == 1
    assert [label for _, label in (train[i] for i in range(15))] == train.labels.tolist()
    assert train.fingerprint() == open_dataset(photos, "train", skip_damaged=True).fingerprint()


def test_a_class_of_damaged_images_only_is_named(photos):
    for path in photos.glob("cat/*.png"):
        path.write_bytes(b"torn")
    with pytest.raises(ValueError, match="all images of the class cat are damaged"):
        open_dataset(photos, "train", skip_damaged=True)
