"""Every program takes a file of another system as --weights."""

import json

import numpy as np
import pytest

from minigoog.__main__ import main

from .onnx_files import classifier

PIL = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): there are no photographs")
TOLD = ["--preprocess", "unit"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """net.onnx, which knows three classes, names.txt, and photos/<class>/<image>."""
    monkeypatch.chdir(tmp_path)
    classifier(tmp_path / "net.onnx", softmax=True)
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n")
    generator = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(5):
            PIL.fromarray(generator.integers(0, 256, (20, 24, 3), np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path


def test_evaluate_tests_it(folder, capsys):
    main(["evaluate", "net.onnx", "--data", "photos", "--classes", "names.txt", *TOLD, "--json", "out.json"])
    facts = json.loads((folder / "out.json").read_text())
    assert facts["images"] == 3 and facts["rows"][0]["crops"] == 1 and np.sum(facts["confusion"]) == 3
    with pytest.raises(SystemExit):
        main(["evaluate", "net.onnx", "--data", "photos", *TOLD])
    assert "its classes are 0, 1, 2; those of the data are cat, dog, owl" in capsys.readouterr().err


def test_summary_lists_its_layers(folder, capsys):
    main(["inspect", "summary", "net.onnx", *TOLD])
    shown = capsys.readouterr().out
    assert "input 1x16x16x3" in shown and " 189 " in shown and "\nconv " in shown and "\nfc " in shown


def test_step_walks_through_it_to_the_logits(folder, capsys):
    (folder / "script").write_text("list\nquit\n")
    main(["inspect", "step", "--weights", "net.onnx", *TOLD, "--classes", "names.txt", "--image", "photos/cat/0.png", "--script", "script"])
    shown = capsys.readouterr().out
    assert "net.onnx" in shown and "Predicted: " in shown and "Conv2d" in shown and "Linear" in shown


def test_page_draws_it(folder, capsys):
    main(["inspect", "page", "--weights", "net.onnx", *TOLD, "--classes", "names.txt", "--image", "photos/cat/0.png"])
    assert "operations forward" in capsys.readouterr().out and "<html" in (folder / "page.html").read_text()


@pytest.mark.parametrize("words, message", [
    (["inspect", "branches"], "ImportedNetwork has no Inception modules, and no other branches that meet in a concatenation"),
    (["inspect", "step", "--model", "tiny"], "--model is tiny, but net.onnx has the weights of graph"),
    (["inspect", "page", "--size", "20"], "net.onnx: takes images 16x16x3, but they would be 20x20x3"),
    (["inspect", "page", "--size", "0"], "argument --size: expected pixels, as in 224 or 48x192"),
    (["inspect", "page", "--classes", "nowhere.txt"], "nowhere.txt: no such file"),
    (["inspect", "page", "--std", "0"], "`std` is (0.0, 0.0, 0.0), expected a finite number for each of 3 channels, above 0"),
])  # fmt: skip
def test_what_does_not_fit_is_an_error_of_one_line(folder, capsys, words, message):
    with pytest.raises(SystemExit) as stop:
        main([*words, "--weights", "net.onnx", *TOLD])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1
