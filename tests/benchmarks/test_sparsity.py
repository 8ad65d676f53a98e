"""benchmarks/sparsity.py runs, skips visibly what is not there, and computes break-even densities rightly. Nothing here looks at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(minigoog.kernels.native is None, reason="the C kernels were not built: there is nothing to race")
KERNELS = ["auto", "direct", "plan", "textbook", "CSR", "blocks of 32"]


@pytest.fixture
def sparsity(monkeypatch):
    """The benchmark as a module, for this test alone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__("sparsity")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def run(data, *flags):
    command = [sys.executable, str(BENCHMARKS / "sparsity.py"), "--rounds", "1", "--batch", "1", "--threads", "1", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | {"MINIGOOG_DATA": str(data)})


def test_a_layer_is_raced_and_the_pruned_weights_that_are_not_there_are_skipped_visibly(tmp_path):
    done = run(tmp_path, "--layers", "5a.branch5x5.conv", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert f"skipped, not in {tmp_path / 'pruned'} (set MINIGOOG_DATA): skimcaffe" in done.stdout
    facts = json.loads((tmp_path / "out.json").read_text())
    assert list(dict.fromkeys(row["kernel"] for row in facts["rows"])) == KERNELS
    assert all(row["ms"] > 0 and row["gflops"] > 0 and (row["error"] is None or row["error"] < 1e-4) for row in facts["rows"])
    assert [row["layer"] for row in facts["break_even"]] == ["inception5a.branch5x5.conv"]
    assert facts["pruned"] == [] and "cpu" in facts["machine"]


def test_pruned_weights_are_raced_in_their_groups(sparsity):
    w = np.random.default_rng(0).standard_normal((3, 3, 4, 16), np.float32)
    w[np.abs(w) < 1.5] = 0
    layer = sparsity.Pruned("skimcaffe_hwio.npz", "alexnet/conv", 9, 9, 1, 1, 2)
    rows = sparsity.pruned_rows(layer, w, SimpleNamespace(batch=1, rounds=1), 100.0)
    assert [row["kernel"] for row in rows] == KERNELS and {row["layer"] for row in rows} == {"skimcaffe alexnet/conv"}
    facts = {row["kernel"]: row for row in rows}
    assert facts["CSR"]["density"] == facts["blocks of 32"]["density"] == np.count_nonzero(w) / w.size  # zeros in blocks are no use
    assert facts["CSR"]["gflops"] == pytest.approx(2 * 81 * np.count_nonzero(w) / facts["CSR"]["ms"] * 1e-6)
    assert facts["direct"]["gflops"] == pytest.approx(2 * 81 * w.size / facts["direct"]["ms"] * 1e-6)
    assert facts["direct"]["per_operation"] == pytest.approx(1)


@pytest.mark.parametrize("points, expected", [
    ([(0.1, 10.0), (0.3, 2.0), (0.5, 0.5)], 0.3 + 0.2 * 0.5 / 1.5),  # times 0.5 and 2 of the dense one: 1 lies a third of the way
    ([(0.1, 10.0), (0.2, 5.0)], 0.2),  # still faster at the highest density
    ([(0.1, 0.9), (0.2, 0.5)], 0.0),  # never faster
])
def test_break_even_is_where_a_straight_line_of_times_meets_the_dense_one(sparsity, points, expected):
    rows = [{"kernel": "CSR", "density": density, "x_dense": ratio} for density, ratio in reversed(points)]
    assert sparsity.break_even(rows, "CSR") == pytest.approx(expected)


WRONG = [(["--layers", "6a"], "no layer has '6a' in its name"), (["--isa", "mmx"], "'mmx' is not available")]


@pytest.mark.parametrize("flags, message", WRONG)
def test_a_wrong_flag_gets_exit_code_2(tmp_path, flags, message):
    done = run(tmp_path, *flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
