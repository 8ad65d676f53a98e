"""The README shows the actual output."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import minigoog

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_the_python_of_the_readme_prints_what_stands_below_it():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    tape, numbers = re.search(r"```\n(   0  conv1 .*?)\.\.\.\n(.*?)```", README, re.S).groups()
    assert output.getvalue().startswith(tape) and output.getvalue().endswith(numbers)


def test_the_table_of_the_readme_is_what_summary_prints():
    text = str(minigoog.summary(minigoog.models.GoogLeNet(aux_heads=False).eval(), (224, 224, 3)))
    assert text[text.index("row  ") :] in README


def test_the_example_of_the_package_runs():
    assert doctest.testmod(minigoog, raise_on_error=True).failed == 0
