"""python -m minigoog.data check: all faults of a folder at once."""

import json
import os

import pytest

from minigoog.data import __main__ as program
from minigoog.data.check import check

from .generated import write_image
from .test_standard import IDX, write_mnist


def run(capsys, *arguments):
    """(exit code, output, errors)"""
    try:
        program.main(list(map(str, arguments)))
        code = 0
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def test_a_folder_without_faults(parts, capsys):
    write_image(parts / "train" / "cat" / "wide.png", 0, (40, 300, 3))
    (parts / "train" / "cat" / "notes.txt").write_text("no fault")
    assert run(capsys, "check", parts) == (0, """\
class  train  test
------------------
cat        3     2
dog        2     2
all        5     4

shorter side  images
--------------------
below 32           8
32 to 63           1
smallest 10x12, commonest 10x12, largest 300x40 (width x height)

1 files are no images and are skipped

no faults
""", "")  # fmt: skip


def damage(root):
    """Every kind of fault, each with the words that the report has for it."""
    cat = root / "train" / "cat"
    png = (cat / "0.png").read_bytes()
    (cat / "torn.png").write_bytes(png[:60])
    yield "train/cat/torn.png: cannot be read as an image"
    (cat / "empty.png").write_bytes(b"")
    yield "train/cat/empty.png: cannot be read as an image (it is empty"
    (cat / "huge.pgm").write_bytes(b"P5 20001 10000 255\n")
    yield "train/cat/huge.pgm: cannot be read as an image (it has 20001x10000 pixels"
    (cat / "post.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    yield "train/cat/post.jpg: cannot be read as an image (it is PostScript, expected"
    (cat / "link.jpg").symlink_to("nowhere")
    yield "train/cat/link.jpg: it is a link to nothing"
    (cat / "folder.jpg").mkdir()
    yield "train/cat/folder.jpg: it is a folder"
    (cat / "photo.heic").write_bytes(b"")
    yield "train/cat/photo.heic: it is a .heic file"
    write_image(cat / "more" / "0.png")
    yield "train/cat/more/0.png: it is in a folder below that of a class"
    write_image(root / "train" / "0.png")
    yield "train/0.png: it is in no class"
    (root / "train" / "nothing").mkdir()
    yield "has no images for the class nothing"
    write_image(root / "train" / "deep" / "er" / "0.png")
    yield "the class deep has its images in folders below"
    write_image(root / "train" / "bird" / "0.png")
    yield "train/bird: the class has images for training, but none for testing"
    write_image(root / "test" / "fish" / "0.png")
    yield "test has the class fish, which"
    if hasattr(os, "mkfifo"):
        os.mkfifo(cat / "a\x1bpipe.jpg")
        yield "train/cat/a\\x1bpipe.jpg: it is a named pipe"


def test_every_kind_of_fault_is_in_one_report(parts, capsys, tmp_path_factory):
    expected = list(damage(parts))
    file = tmp_path_factory.mktemp("report") / "report.json"
    code, output, errors = run(capsys, "check", parts, "--json", file)
    faults = output.split(" faults\n")[1].splitlines()
    assert code == 1 and not errors and len(faults) == len(expected) and f"{len(expected)} faults\n" in output
    assert [text for text in expected if not any(text in fault for fault in faults)] == []
    written = json.loads(file.read_text())
    assert written["faults"] == faults and written["classes"]["bird"] == {"train": 1, "test": 0}
    assert {"height": 12, "width": 10, "images": 10} in written["sizes"]


def test_a_file_that_the_system_cannot_read_is_a_fault_too(parts, monkeypatch):
    from minigoog.data import verify

    def decode(path):
        raise PermissionError(13, "permission denied", str(path))

    monkeypatch.setattr(verify, "decode", decode)
    faults = check(parts).faults
    assert len(faults) == 8 and all(fault.endswith(".png: permission denied") for fault in faults)


def test_the_files_of_mnist_are_checked(tmp_path, capsys):
    write_mnist(tmp_path, "{}.gz".format)
    code, output, _ = run(capsys, "check", tmp_path)
    assert code == 0 and "\nall       20    10\n" in output and "largest 28x28" in output
    (tmp_path / f"{IDX[0]}.gz").write_bytes(b"torn")
    code, output, _ = run(capsys, "check", tmp_path)
    assert code == 1 and "\n1 fault\n" in output and f"{IDX[0]}.gz: not a valid IDX file" in output


@pytest.mark.parametrize("arguments, message", [
    (["check", "nowhere"], "FOLDER is 'nowhere', expected a folder of images\n"),
    (["check"], "the following arguments are required: FOLDER"),
    ([], "the following arguments are required: COMMAND"),
])  # fmt: skip
def test_wrong_flags_and_folders_are_named(capsys, arguments, message):
    code, output, errors = run(capsys, *arguments)
    assert code == 2 and not output and message in errors
