"""docs/inspection.md shows the actual output."""

import contextlib
import io
import re
from pathlib import Path

import minigoog as mg
from minigoog.inspection import lab
from minigoog.inspection.walk.program import WHAT_NEXT
from minigoog.inspection.walk.walk import Walk

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "inspection.md").read_text()


def without_measured(text):
    """Without times, the width of their column, and what float32 made of a sum."""
    text = re.sub(r"\n  stored .*", "", text)
    return re.sub(r" +(\d+\.\d{3}|ms)$|-{9,}$", "", text, flags=re.M)


def test_the_python_runs_and_prints_what_is_shown_below_it(native):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile("\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.S)), "inspection.md", "exec"), {})
    shown = re.findall(r"```\n(   name .*?|conv1: output.*?)```", TEXT, re.S)
    assert len(shown) == 2 and "value                0.835166647" in shown[1]
    for text in shown:
        assert without_measured(text) in without_measured(output.getvalue())


def test_the_help_and_the_first_screen_are_those_of_the_program():
    steps, output = mg.trace(mg.nn.Sequential(relu=mg.nn.ReLU()), [[[1.0]]]), io.StringIO()
    Walk(steps, [[[1.0]]], stdout=output).onecmd("help")
    assert output.getvalue() in TEXT and WHAT_NEXT in TEXT


def test_the_report_of_the_lab_is_what_it_prints():
    assert f"<!-- output of: lab aliasing -->\n```\n{lab.report(lab.mistake('aliasing'))}\n```" in TEXT
