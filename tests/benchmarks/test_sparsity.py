"""benchmarks/sparsity.py runs, skips visibly what is not there, and refuses wrong flags. Nothing here looks at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog
from minigoog.sparsity.speed import pruned

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(minigoog.kernels.native is None, reason="the C kernels were not built: nothing to benchmark")
KERNELS = ["auto", "direct", "plan", "textbook", "CSR", "blocks of 32"]


def run(data, *flags):
    command = [sys.executable, str(BENCHMARKS / "sparsity.py"), "--rounds", "1", "--batch", "1", "--threads", "1", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | {"MINIGOOG_DATA": str(data)})


def test_a_layer_is_timed_and_the_pruned_weights_that_are_not_there_are_skipped_visibly(tmp_path):
    done = run(tmp_path, "--layers", "5a.branch5x5.conv", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert f"skipped, not in {tmp_path / 'pruned'} (set MINIGOOG_DATA): skimcaffe" in done.stdout
    facts = json.loads((tmp_path / "out.json").read_text())
    assert list(dict.fromkeys(row["kernel"] for row in facts["rows"])) == KERNELS
    assert all(row["ms"] > 0 and row["gflops"] > 0 and (row["error"] is None or row["error"] < 1e-4) for row in facts["rows"])
    assert [row["layer"] for row in facts["break_even"]] == ["inception5a.branch5x5.conv"]
    assert facts["pruned"] == [] and "cpu" in facts["machine"]


def test_pruned_weights_that_are_there_are_timed_and_summed(load, monkeypatch, tmp_path, capsys):
    sparsity = load("sparsity")
    rng = np.random.default_rng(0)
    w = rng.standard_normal((3, 3, 4, 16), np.float32) * (rng.random((3, 3, 4, 16)) < 0.1)
    np.savez(tmp_path / "file.npz", conv=w)
    monkeypatch.setattr(sparsity, "DATA", tmp_path)
    monkeypatch.setattr(pruned, "LAYERS", (pruned.Pruned("file.npz", "conv", 9, 1, 2), pruned.Pruned("another.npz", "conv", 9, 1)))
    [(layer, weights)] = sparsity.pruned_layers(False)
    rows = sparsity.timed_rows(SimpleNamespace(rounds=1), 100.0, pruned.pruned_contest, layer, weights, 1)
    sparsity.print_totals(rows)
    ms = {row["kernel"]: row["ms"] for row in rows}
    dense = min(ms[kernel] for kernel in ("auto", "direct", "plan"))
    out = capsys.readouterr().out
    assert f"skipped, not in {tmp_path} (set MINIGOOG_DATA): another.npz" in out
    assert f"dense {dense:.2f}  " in out and f"CSR where it pays {min(dense, ms['CSR']):.2f}" in out


WRONG = [(["--layers", "6a"], "no layer has '6a' in its name"), (["--isa", "mmx"], "'mmx' is not available")]


@pytest.mark.parametrize("flags, message", WRONG)
def test_a_wrong_flag_gets_exit_code_2(tmp_path, flags, message):
    done = run(tmp_path, *flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
