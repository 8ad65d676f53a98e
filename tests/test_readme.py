"""The README shows the actual output."""

import argparse
import contextlib
import doctest
import importlib
import io
import re
import shlex
from pathlib import Path

import pytest

import minigoog
from minigoog.sparsity.report import report

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_of_the_readme_prints_what_stands_below_it():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    tape, numbers = re.search(r"```\n(   0  conv1 .*?)\.\.\.\n(.*?)```", README, re.S).groups()
    assert output.getvalue().startswith(tape) and output.getvalue().endswith(numbers)


def test_the_table_of_table_1_is_what_summary_prints():
    text = str(minigoog.summary(minigoog.models.GoogLeNet(aux_heads=False).eval(), (224, 224, 3)))
    assert text[text.index("row  ") :] in (ROOT / "docs" / "googlenet.md").read_text()


def test_the_example_of_the_package_runs():
    assert doctest.testmod(minigoog, raise_on_error=True).failed == 0


def test_the_readme_counts_the_verdicts_of_the_stored_full_run():
    verdicts = list(report.full_run()["verdicts"].values())
    counts = {word: verdicts.count(word) for word in ("holds", "holds partly", "undecided", "contradicted")}
    assert counts == {"holds": 5, "holds partly": 5, "undecided": 1, "contradicted": 2}
    assert "five hold, five hold partly, one is undecided and two are contradicted" in " ".join(README.split())


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("line", sorted(set(re.findall(r"python -m (minigoog\.\w+(?: [a-z]+)?[^#`\n&]*)", README))))
def test_the_flags_of_the_readmes_commands_exist(line):
    """Parsed, not run: their files are not here."""
    package, *words = shlex.split(line)
    parser = importlib.import_module(f"{package}.__main__").parser()
    known = {flag for each in all_parsers(parser) for action in each._actions for flag in action.option_strings}
    assert {word for word in words if word.startswith("--")} <= known, line


def all_parsers(parser):
    """A parser and those of its commands."""
    yield parser
    below = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for each in [*(p for choices in below for p in choices.values()), *getattr(parser, "commands", {}).values()]:
        yield from all_parsers(each)
