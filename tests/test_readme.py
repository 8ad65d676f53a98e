"""The README shows the actual output."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import minigoog

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_the_python_of_the_readme_runs_and_prints_the_tape_that_stands_below_it():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    shown = re.search(r"```\n(   0  Conv2d .*?)```", README, re.S)[1]
    assert shown in output.getvalue()


def test_the_table_of_the_readme_is_what_summary_prints():
    text = str(minigoog.summary(minigoog.models.GoogLeNet(aux_heads=False).eval(), (224, 224, 3)))
    assert text[text.index("row  ") :] in README


def test_the_example_of_the_package_runs():
    assert doctest.testmod(minigoog, raise_on_error=True).failed == 0
