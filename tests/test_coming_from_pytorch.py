"""docs/coming_from_pytorch.md: every block of code runs and prints what it shows, and every name in its tables exists."""

import contextlib
import importlib
import io
import re
import sys
from pathlib import Path

import pytest

import minigoog as mg
from minigoog import nn
from tests.answers import asked

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "coming_from_pytorch.md"


@pytest.fixture(scope="module")
def chapters():
    """The program that runs the blocks of a page."""
    sys.path.insert(0, str(DOCS / "tour"))
    yield importlib.import_module("chapters")
    sys.path.remove(str(DOCS / "tour"))
    sys.modules.pop("chapters", None)


def test_the_blocks_print_what_they_show(chapters):
    assert "\n".join(chapters.differences(PAGE)) == ""
    assert len(chapters.outputs(PAGE.read_text())) == 5


def loop():
    """The loop in PyTorch's words."""
    [code] = re.findall(r"^```python pytorch\n(.*?)^```\n", PAGE.read_text(), re.M | re.S)
    return code


@asked("torch")
def pytorchs_loop():
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(loop(), str(PAGE), "exec"), {"__name__": "loop"})
    return {"code": loop(), "printed": printed.getvalue()}


def test_the_loop_of_pytorch_runs_and_prints_the_same():
    theirs = pytorchs_loop()
    assert loop() == theirs["code"].item(), "the loop is not the one that ran: python -m tests.answers.make test_coming_from_pytorch"
    assert theirs["printed"].item() == "more than nine tenths right: True\n"


def test_both_loops_have_the_same_network_and_the_same_steps():
    blocks = re.findall(r"^```python(?: pytorch)?\n(.*?)^```\n", PAGE.read_text(), re.M | re.S)[:2]
    network, step = (re.compile(text, re.S) for text in (r"model = .*?\n\)\n", r"optimizer\.zero_grad\(\).*optimizer\.step\(\)"))
    assert len({network.search(block)[0] for block in blocks}) == 1
    lines = [[line.split("(")[0].split(".")[-1] for line in step.search(block)[0].splitlines()] for block in blocks]
    assert lines[0] == lines[1] and len(lines[0]) == 5


def test_the_names_that_are_the_same_exist():
    same = PAGE.read_text().partition("## What is the same")[2].partition("## What differs")[0]
    names = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", same)) - {"ceil_mode", "None", "param_groups", "forward"}
    rooms = (nn, nn.Module, mg.optim, mg.optim.Optimizer, mg, mg.Tensor)
    assert len(names) > 30
    for name in names:
        assert any(hasattr(room, name) for room in rooms) or name == "grad", name
