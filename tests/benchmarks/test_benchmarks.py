"""The benchmarks run, write what they measured, and refuse wrong answers. Nothing here looks at a time."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(minigoog.kernels.native is None, reason="the C kernels were not built: there is nothing to race")


@pytest.fixture
def load(monkeypatch):
    """A function that imports a file of benchmarks/, for this test alone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def run(*flags):
    return subprocess.run([sys.executable, str(BENCHMARKS / "googlenet.py"), *flags], capture_output=True, text=True, timeout=120)


def test_a_contest_writes_its_rows_and_its_machine(tmp_path, load):
    path = tmp_path / "out.json"
    names = ["minigoog", "minigoog compiled"]
    done = run("--batch", "1", "--train-batch", "--rounds", "1", "--contestants", *names, "--json", str(path))
    assert done.returncode == 0, done.stderr
    facts = json.loads(path.read_text())
    assert [row["name"] for row in facts["rows"]] == names
    assert all(row["ms"] > 0 and row["difference"] < 1e-4 and row["peak_mib"] > 0 for row in facts["rows"])
    assert {"cpu", "cores", "isa", "minigoog"} <= facts["machine"].keys()
    assert "| inference, 1 image |" in load("update_readme").table(facts)


def test_a_wrong_answer_is_not_timed(tmp_path, load):
    outputs = [np.ones(10), np.ones(10) * 1.01]
    contestants = []
    for i, output in enumerate(outputs):
        np.savez(tmp_path / f"{i}.npz", output)
        contestants.append(SimpleNamespace(name=f"number {i}", output=tmp_path / f"{i}.npz"))
    with pytest.raises(ValueError, match=r"number 1: its difference is 0\.01 .*not timed"):
        load("harness").check_outputs(contestants)


def test_each_algorithm_is_raced_on_a_layer():
    command = [sys.executable, str(BENCHMARKS / "kernels.py"), "--layers", "5b.branch3x3.conv", "--rounds", "1"]
    done = subprocess.run([*command, "--direction", "forward", "input", "weight"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    raced = [line.split()[1:3] for line in done.stdout.splitlines()[2:]]
    names = ("NumPy", "im2col", "direct", "winograd")
    assert [(direction, name.rstrip("*")) for direction, name in raced] == [(d, n) for d in ("forward", "input", "weight") for n in names]


def test_a_wrong_flag_gets_exit_code_2():
    done = run("--contestants", "nobody")
    assert done.returncode == 2 and "invalid choice: 'nobody'" in done.stderr
