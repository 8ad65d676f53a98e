"""The program `python -m minigoog.inspection page`, as a new user tries it."""

import re
import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog.inspection import inputs
from minigoog.inspection.page import build_page
from minigoog.inspection.page.data import page_data
from minigoog.inspection.trace.trace import trace

from ..test_inputs import flags_of
from ..test_walk import run


def test_it_writes_a_page_and_prints_how_to_open_it(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "page")
    said = capsys.readouterr().out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert re.search(r"page.html: 1\.[01] MB, 37 operations forward and 37 back", said)
    assert f"Open it in a browser: {(tmp_path / 'page.html').as_uri()}" in said
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("flags, message", [
    (["--image", "absent.png"], "absent.png"),
    (["--image", "text.png"], "text.png: cannot be read as an image"),
    (["--weights", "absent"], "absent: no such run folder or file of weights"),
    (["--weights", "text.png"], "text.png"),
    (["--label", "10"], "--label is 10, expected 0 to 9"),
    (["--output", "folder"], "argument --output: folder: is a directory"),
    (["--output", "nowhere/page.html"], "argument --output: nowhere/page.html: there is no folder "),
    (["--model", "resnet"], "invalid choice: 'resnet'"),
    (["--ouput", "a.html"], "unrecognized arguments: --ouput a.html"),
])  # fmt: skip
def test_an_error_is_one_line_and_nothing_is_written(monkeypatch, capsys, tmp_path, flags, message):
    pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "page", *flags)
    shown = capsys.readouterr().err
    assert stop.value.code == 2 and message in shown and shown.count("\n") == 1, shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text.png"]


def test_ctrl_c_leaves_the_old_page(monkeypatch, capsys, tmp_path):
    output = tmp_path / "page.html"
    output.write_text("old")
    monkeypatch.setattr("minigoog.inspection.page.program.build_page", interrupted)
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "page", "--output", output)
    assert stop.value.code == 130 and output.read_text() == "old" and list(tmp_path.iterdir()) == [output]


def interrupted(*_):
    raise KeyboardInterrupt


def test_numbers_that_are_not_finite_are_named():
    sample = inputs.load_sample(flags_of())
    sample.model.conv1.bias.data[3] = np.nan
    with pytest.raises(ValueError, match="the output of conv1 has values that are not finite"):
        build_page(trace(sample.model, sample.image, 5), sample)


def test_a_trace_without_a_label_makes_a_page_without_gradients():
    sample = inputs.load_sample(flags_of())
    page = build_page(mg.trace(sample.model, sample.image), sample)
    assert '"dy":null' in page and '"exactBack"' not in page


def test_the_page_is_in_the_package():
    code = ("from importlib.resources import files; here = files('minigoog.inspection.page') / 'web';"
            "print(sorted(path.name for path in here.iterdir() if path.name.endswith(('.js', '.css', '.html'))))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "'page.css', 'page.html', 'panel.js'" in done.stdout


def test_the_page_opens_the_logits_at_the_predicted_class_not_at_the_largest_absolute_value():
    mg.manual_seed(0)
    model = mg.models.TinyInception().eval()
    model.classifier.bias.data[3] = -20
    image = mg.data.digits()[1].images[0] / np.float32(255)
    steps = mg.trace(model, image, 5)
    facts, _ = page_data(steps, inputs.Sample(model, image, (255 * image).astype(np.uint8), 5, tuple("0123456789"), "a\nb"))
    (exact,) = [node["exact"] for node in facts["nodes"] if node["name"] == "classifier"]
    logits = steps.logits.y[0]
    assert exact["at"] == (0, 0, logits.argmax()) and exact["stored"] == logits.max() and np.abs(logits).argmax() == 3
