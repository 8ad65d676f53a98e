"""Image files: the formats that are read, what becomes of unusual pixels, and one error for all that decoders raise."""

import errno
import io
import os
import re
import socket
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from minigoog.data import images
from minigoog.data.images import DamagedImage, decode, upright_size

from .generated import random_bytes

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): no image was decoded")
SOURCE = Path(images.__file__).parents[1]


def encoded(image, kind="PNG", **settings):
    """An image of Pillow, or an array, as the bytes of a file."""
    buffer = io.BytesIO()
    (pillow.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, kind, **settings)
    return buffer.getvalue()


# ---- formats ----


@pytest.mark.parametrize("name", images.FORMATS)
def test_each_format_that_is_named_is_read(name):
    grey = np.full((5, 7), 100, np.uint8)
    assert (decode(encoded(grey, name)) == 100).all() and upright_size(encoded(grey, name)) == (5, 7)


def test_no_other_parser_of_pillow_and_no_program_is_started(tmp_path, monkeypatch):
    pillow.init()
    others = [name for name in pillow.OPEN if name not in images.FORMATS]
    refused = (lambda *_: pytest.fail("a parser was called"), lambda *_: pytest.fail("a parser was asked"))
    files = {name: encoded(np.zeros((64, 64, 3), np.uint8), name) for name in ("EPS", "ICO", "TGA", "PCX", "SGI", "DDS")}
    for name in others:
        monkeypatch.setitem(pillow.OPEN, name, refused)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was started"))
    for name, data in files.items():
        (tmp_path / "cat.jpg").write_bytes(data)
        with pytest.raises(DamagedImage, match=r"cat\.jpg: .*(another format|PostScript), expected JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM"):
            decode(tmp_path / "cat.jpg")
        assert name in others


def test_only_one_file_of_the_source_opens_images():
    users = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if re.search(r"\bPIL\b", path.read_text())}
    assert users == {"data/images.py"}


# ---- one error ----

ERRORS = [struct.error("x"), SyntaxError("x"), ValueError("x"), EOFError(), KeyError("x"), TypeError("x"), OverflowError("x"),
          ZeroDivisionError("x"), RecursionError("x"), OSError("x"), OSError(errno.EINVAL, "x"), AttributeError("x")]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("read", [decode, upright_size])
def test_whatever_a_decoder_raises_becomes_the_one_error_that_names_the_file(tmp_path, monkeypatch, error, read):
    def parser(*_):
        raise error

    monkeypatch.setitem(pillow.OPEN, "PNG", (parser, lambda start: True))
    (tmp_path / "a\nb.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DamagedImage, match=r"a\\nb\.png: cannot be read as an image"):
        read(tmp_path / "a\nb.png")


@pytest.mark.parametrize("error, number", [(MemoryError(), errno.ENOMEM), (OSError(errno.EIO, "x"), errno.EIO)])
def test_what_is_no_fault_of_the_file_is_an_error_of_the_system_that_names_it(tmp_path, monkeypatch, error, number):
    def parser(*_):
        raise error

    monkeypatch.setitem(pillow.OPEN, "PNG", (parser, lambda start: True))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(OSError, match=r"a\.png") as caught:
        decode(tmp_path / "a.png")
    assert caught.value.errno == number


def test_every_start_of_a_file_is_refused_or_read():
    """Files that were cut, as downloads leave them."""
    for kind in ("PNG", "GIF", "BMP", "PPM", "WEBP"):
        data = encoded(random_bytes(0, 8, 8, 3), kind)
        for n in range(0, len(data), 7):
            try:
                assert decode(data[:n]).shape == (8, 8, 3)
            except DamagedImage as error:
                assert str(error).startswith(f"{n} bytes: cannot be read as an image (")


# ---- files that are none ----


def unusual(folder):
    """(path, what it is) of everything that may have an image's name but is no regular file."""
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(folder / "s.jpg"))
    targets = {"nothing.jpg": "nowhere", "itself.jpg": "itself.jpg", "zero.jpg": "/dev/zero", "to-pipe.jpg": "pipe.jpg"}
    for name, target in targets.items():
        (folder / name).symlink_to(target)
    return {"folder.png": "a folder", "pipe.jpg": "a named pipe", "s.jpg": "a socket", "nothing.jpg": "a link to nothing",
            "itself.jpg": "a link to itself", "zero.jpg": "a device", "to-pipe.jpg": "a named pipe"}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_regular_files_are_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    for name, kind in unusual(Path()).items():
        with pytest.raises(DamagedImage, match=rf"{name}: cannot be read as an image \(it is {kind}, expected a regular file"):
            decode(name)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "nowhere.jpg")


# ---- pixels ----


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright_as_pillow_turns_them(orientation):
    from PIL import ImageOps

    exif = pillow.Exif()
    exif[images.ORIENTATION] = orientation
    data = encoded(random_bytes(0, 4, 6, 3), exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(pillow.open(io.BytesIO(data))))
    assert (decode(data) == expected).all() and upright_size(data) == expected.shape[:2]


@pytest.mark.filterwarnings("ignore")  # of Pillow
@pytest.mark.parametrize("exif", [b"garbage", b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x09\0\0\0up", b"MM\0*\xff\xff\xff\xff"])
def test_damaged_exif_data_turn_nothing(exif):
    image, exif = random_bytes(0, 4, 6, 3), b"Exif\0\0" + exif
    assert (decode(encoded(image, exif=exif)) == image).all() and upright_size(encoded(image, "JPEG", exif=exif)) == (4, 6)


@pytest.mark.parametrize("largest", [65535, 1023, 300])
def test_pgm_of_16_bits_is_scaled(largest):
    """value / largest x 255, where Pillow's own conversion clips."""
    values = np.array([0, 1, largest // 3, largest // 2, largest - 1, largest])
    expected = values / largest * 255
    binary, text = values.astype(">u2").tobytes(), " ".join(map(str, values)).encode()
    for data in (b"P5 6 1 %d\n%s" % (largest, binary), b"P2 6 1 %d\n%s\n" % (largest, text)):
        assert np.abs(decode(data)[0, :, 0] - expected).max() <= 0.51  # rounded twice: to 16 bits, to 8


def test_cmyk_is_converted_without_a_profile():
    stored = random_bytes(0, 5, 7, 4)
    image = decode(encoded(pillow.fromarray(stored, mode="CMYK"), "TIFF"))
    inks = stored.astype(int)
    assert np.abs(image - (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255).max() <= 1


def test_transparency_is_dropped_without_a_warning():  # warnings are errors in tests
    palette = pillow.fromarray(random_bytes(0, 5, 7, 3)).quantize(16)
    assert (decode(encoded(palette, transparency=bytes(range(16)))) == np.asarray(palette.convert("RGB"))).all()
    layers = random_bytes(0, 5, 7, 4)
    assert (decode(encoded(layers)) == layers[..., :3]).all()


def test_large_photographs_are_read_and_larger_ones_named_without_a_warning(monkeypatch):
    assert upright_size(b"P5 16384 12200 255\n") == (12200, 16384)  # 199.9 million pixels: Pillow's own limits are 89 and 179
    with pytest.raises(DamagedImage, match=r"it has 20001x10000 pixels, expected at most 200,000,000 in all"):
        decode(b"P5 20001 10000 255\n")
    monkeypatch.setattr(images, "MOST_PIXELS", 35)
    assert decode(encoded(np.zeros((5, 7), np.uint8))).shape == (5, 7, 3)
    with pytest.raises(DamagedImage, match="it has 6x6 pixels, expected at most 35 in all"):
        decode(encoded(np.zeros((6, 6), np.uint8)))
