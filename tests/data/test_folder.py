"""Folders of images, and the image files in them."""

import io
import shutil

import numpy as np
import pytest

from minigoog.data import ArrayDataset, ImageFolder, open_dataset

from .generated import random_bytes


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


def test_photographs_that_are_stored_rotated_are_kept_in_memory_upright(tmp_path):
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
    with pytest.raises(ValueError, match=r"float\.tif: cannot be read .*without a scale .*mode F"):
        decode(photos / "float.tif")


def test_damaged_and_grey_and_rotated_images(photos):
    from PIL import Image

    from minigoog.data.images import decode

    (photos / "torn.png").write_bytes((photos / "cat" / "0.png").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"torn\.png: cannot be read as an image"):
        decode(photos / "torn.png")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        decode(b"no image")
    Image.fromarray(random_bytes(0, 4, 6)).save(photos / "grey.png")
    assert (decode(photos / "grey.png") == random_bytes(0, 4, 6)[..., None]).all()
    rotated, exif = Image.fromarray(random_bytes(0, 4, 6, 3)), Image.Exif()
    exif[0x0112] = 6  # orientation: to be rotated to the right
    buffer = io.BytesIO()
    rotated.save(buffer, "PNG", exif=exif)
    assert decode(buffer.getvalue()).shape == (6, 4, 3)


@pytest.mark.parametrize("path, message", [
    ("nothing", r"/nothing', expected a folder of images or the name of a data set \(digits, mnist"),
    ("a.zip", "unpack it first: python -m zipfile -e"),
    ("a.tar.gz", "unpack it first: tar xf"),
    ("flat", "has 0 folders, expected one for each of at least 2 classes"),
])  # fmt: skip
def test_anything_but_a_folder_of_images_is_named(tmp_path, path, message):
    for name in ("a.zip", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "flat").mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        open_dataset(tmp_path / path, "train")
