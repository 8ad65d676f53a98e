"""The program that names what is on photographs."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog.classify import __main__ as program
from minigoog.classify import bars, classify, evidence, photographs
from minigoog.data.preprocess import Preprocess
from minigoog.formats import saved_model

PIL = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): there are no photographs")
INFO = saved_model.Info("small", {"num_classes": 3}, ("cat", "dog\n", "sea lion"), (32, 32, 3), (100.0,) * 3, (60.0,) * 3, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved model and a folder of 40 photographs, one damaged, and other files."""
    folder = tmp_path_factory.mktemp("classify")
    mg.manual_seed(0)
    saved_model.save(folder / "model.safetensors", mg.models.SmallInception(num_classes=3).state_dict(), INFO)
    generator = np.random.default_rng(0)
    (folder / "photos" / "more").mkdir(parents=True)
    for i in range(40):
        pixels = generator.integers(0, 256, (40, 50, 3), np.uint8) // (i % 4 + 1)
        PIL.fromarray(pixels).save(folder / "photos" / ("more" if i % 2 else "") / f"{i:02d}.png")
    (folder / "photos" / "notes.txt").write_text("no image")
    (folder / "damaged.png").write_bytes(b"no image")
    return folder


def run(*arguments):
    program.main([str(argument) for argument in arguments])


def test_a_photograph_gets_its_likeliest_classes_with_bars(folder, capsys):
    run(folder / "photos" / "00.png", "--weights", folder / "model.safetensors", "--top", 2)
    name, *lines = capsys.readouterr().out.splitlines()
    expected = mg.load(folder / "model.safetensors").predict(folder / "photos" / "00.png", top=2)
    assert name.endswith("00.png") and len(lines) == 2
    for line, (label, probability) in zip(lines, expected, strict=True):
        match = re.fullmatch(r"  (.*?) +([\d.]+)% *(█*)", line)
        assert match[1] == label.replace("\n", "\\n") and float(match[2]) == pytest.approx(100 * probability, abs=0.06)
        assert len(match[3]) == round(bars.LONGEST_BAR * probability)


def test_a_folder_is_classified_in_batches_as_each_photograph_alone(folder, tmp_path, capsys):
    run(folder / "photos", "--weights", folder / "model.safetensors", "--csv", tmp_path / "out.csv", "--json", tmp_path / "out.json")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(), newline="")))
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    model = mg.load(folder / "model.safetensors")
    assert len(rows) == len(images) == 40 and [row["file"] for row in rows] == [image["file"] for image in images]
    assert rows == sorted(rows, key=lambda row: Path(row["file"])) and "out.csv: 40 photographs" in capsys.readouterr().out
    for row, image in list(zip(rows, images, strict=True))[::7]:
        expected = model.predict(row["file"], top=5)
        assert [row[f"class {i}"] for i in (1, 2, 3)] == [each["class"] for each in image["top"]] == [name for name, _ in expected]
        assert np.allclose([each["probability"] for each in image["top"]], [p for _, p in expected], atol=1e-5)


def test_many_photographs_get_a_line_each(folder, capsys):
    run(folder / "photos", "--weights", folder / "model.safetensors")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 40 and all(re.fullmatch(r" *[\d.]+%  .*\.png  (cat|dog\\n|sea lion)", line) for line in lines)


def test_a_damaged_photograph_is_named_or_skipped(folder, tmp_path, capsys):
    given = [folder / "photos" / "00.png", folder / "damaged.png", "--weights", folder / "model.safetensors"]
    with pytest.raises(SystemExit) as stop:
        run(*given)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert re.search(r"damaged\.png: cannot be read as an image .*--skip-damaged", error)
    run(*given, "--skip-damaged", "--json", tmp_path / "out.json")
    shown = capsys.readouterr().out
    assert "damaged.png\n  damaged, skipped" in shown and "skipped 1 damaged images:" in shown
    written = json.loads((tmp_path / "out.json").read_text())
    assert len(written["images"]) == 1 and written["skipped"][0]["file"] == str(folder / "damaged.png")


@pytest.mark.parametrize("given, message", [
    (["nothing.png", "--weights", "MODEL"], "nothing.png: no such file or directory"),
    (["EMPTY", "--weights", "MODEL"], "a folder without images, expected files with one of .jpg"),
    (["PHOTO", "--weights", "nowhere"], "nowhere: no such run folder or file of weights"),
    (["PHOTO"], "required: --weights"),
    (["PHOTO", "--weights", "MODEL", "--top", "0"], "argument --top: expected an integer of at least 1"),
    (["PHOTO", "--weights", "MODEL", "--json", "nowhere/out.json"], "--json"),
])  # fmt: skip
def test_what_cannot_be_is_an_error_of_one_line(folder, tmp_path, capsys, given, message):
    (tmp_path / "empty").mkdir()
    names = {"MODEL": folder / "model.safetensors", "EMPTY": tmp_path / "empty", "PHOTO": folder / "photos" / "00.png"}
    with pytest.raises(SystemExit) as stop:
        run(*(names.get(word, word) for word in given))
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_lines_fit_the_terminal(folder, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    names = tuple(f"{name} of a long name that fills a line, and another name of it" for name in INFO.classes)
    model = mg.load(folder / "model.safetensors")
    model.classes = names
    (result,) = classify(model, photographs([folder / "photos" / "00.png"]))
    _, *lines = bars.Bars().block_of(result).splitlines()
    assert len(lines) == 3 and max(map(len, lines)) <= columns and all("%" in line for line in lines)


def test_colours_are_for_terminals_only(folder, monkeypatch):
    (result,) = classify(mg.load(folder / "model.safetensors"), [folder / "photos" / "00.png"])
    assert "\033" not in bars.Bars().block_of(result)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert bars.Bars().block_of(result).startswith("\033[1m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in bars.Bars().block_of(result)


def test_odd_file_names_are_printed_and_written(folder, tmp_path):
    odd = os.fsencode(str(tmp_path)) + b"/a\nb\xff.png"
    Path(os.fsdecode(odd)).write_bytes((folder / "photos" / "00.png").read_bytes())
    command = [sys.executable, "-m", "minigoog.classify", odd, "--weights", folder / "model.safetensors", "--csv", tmp_path / "out.csv"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment)
    assert done.returncode == 0 and b"a\\nb\\udcff.png" in done.stdout and b"#" in done.stdout, done.stderr
    assert b"a\nb\xff.png" in (tmp_path / "out.csv").read_bytes()


# ---- evidence ----


class Averages(mg.nn.Module):
    """A network whose classes are the means of three maps: where a map is large, there is the evidence for its class."""

    def __init__(self):
        self.conv = mg.nn.Conv2d(3, 3, 1)
        self.conv.weight.data[...] = np.eye(3)
        self.conv.bias.data[...] = 0

    def forward(self, x):
        return mg.ops.flatten(mg.ops.global_avg_pool2d(mg.ops.relu(self.conv(x))))


def averages():
    from minigoog.loading.trained import trained

    preprocess = Preprocess((8, 8, 3), (8, 8), (0.0,) * 3, (255.0,) * 3)
    return trained(Averages(), classes=("red", "green", "blue"), preprocess=preprocess, info=INFO, path=Path("averages"))


def test_the_evidence_lies_where_the_class_is():
    image = np.zeros((8, 8, 3), np.uint8)
    image[1:3, 5:8, 2] = 200
    image[6, 0, 0] = 255
    model = averages()
    assert model.predict(image, top=1)[0][0] == "blue"
    found = evidence(model, image)
    assert found.dtype == np.float32 and np.array_equal(found, image[..., 2] / np.float32(200))
    with mg.no_grad():
        assert np.array_equal(evidence(model, image, 0), image[..., 0] / np.float32(255))
    assert not evidence(model, np.zeros((8, 8, 3), np.uint8)).any()


def test_grad_cam_is_the_weighted_sum_of_its_definition(folder):
    model = mg.load(folder / "model.safetensors")
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    found = evidence(model, image, 1)
    # a network that ends in global average pooling and a linear layer: the class activation map
    steps = mg.trace(model, model.preprocess(image)[0])
    maps = next(step.output for step in reversed(steps.forward) if step.output.ndim == 4 and step.output.shape[1] > 1)[0]
    cam = np.maximum(maps.astype(np.float64) @ model.classifier.weight.data[:, 1], 0)
    assert np.allclose(found, cam / cam.max(), atol=1e-5)


def test_evidence_is_drawn_for_the_photographs_that_are_left(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): nothing was drawn")
    given = [folder / "photos" / "00.png", folder / "damaged.png", folder / "photos" / "02.png"]
    run(*given, "--weights", folder / "model.safetensors", "--skip-damaged", "--evidence", tmp_path / "out.png")
    with PIL.open(tmp_path / "out.png") as figure:
        assert abs(figure.height - figure.width) < 9  # two rows of two pictures
    assert "out.png: 2 photographs" in capsys.readouterr().out


def test_too_many_photographs_for_the_evidence_are_refused_before_any_work(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): nothing was drawn")
    with pytest.raises(SystemExit) as stop:
        run(folder / "photos", "--weights", "not opened", "--evidence", tmp_path / "many.png", "--csv", tmp_path / "out.csv")
    captured = capsys.readouterr()
    assert stop.value.code == 2 and "--evidence is of 40 photographs, expected at most 12 for a figure" in captured.err
    assert captured.out == "" and not list(tmp_path.iterdir())


def test_no_evidence_is_drawn_if_all_photographs_are_damaged(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): nothing was drawn")
    damaged, out = folder / "damaged.png", tmp_path / "out.png"
    run(damaged, "--weights", folder / "model.safetensors", "--skip-damaged", "--evidence", out, "--csv", tmp_path / "out.csv")
    shown = capsys.readouterr().out
    assert f"out.csv: 0 photographs\n{out}: not drawn, no photograph is left\nskipped 1 damaged images:\n    {damaged}\n" in shown
    assert not out.exists()


def test_a_network_without_maps_has_no_evidence():
    model = averages()
    model.forward = lambda x: mg.ops.linear(mg.ops.flatten(x), mg.Tensor(np.ones((192, 3), np.float32), requires_grad=True))
    with pytest.raises(ValueError, match="averages: no map comes before its classes"):
        evidence(model, np.zeros((8, 8, 3), np.uint8))
