"""Fewer bits in the contests: what their bounds are, percentiles, energy, peers of another environment, threads."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(minigoog.kernels.native is None, reason="the C kernels were not built")


@pytest.mark.slow  # half a minute
def test_minigoogs_formats_take_part_and_report_percentiles_and_packed_weights(tmp_path):
    names = ["minigoog compiled", "minigoog bf16", "minigoog int8"]
    flags = ["--batch", "1", "--train-batch", "--rounds", "1", "--latencies", "5", "--json", str(tmp_path / "out"), "--contestants", *names]
    done = subprocess.run([sys.executable, str(BENCHMARKS / "googlenet.py"), *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out").read_text())["rows"]
    assert [row["name"] for row in rows] == names and [row.get("format") for row in rows] == [None, "bf16", "int8"]
    sizes = [row["packed_mib"] for row in rows]
    assert sizes[0] > sizes[1] > sizes[2] and 1e-4 < rows[1]["difference"] < 3e-2 and rows[2]["difference"] < 0.3
    for row in rows:
        middle, *high = row["percentiles_ms"].values()
        assert list(row["percentiles_ms"]) == ["50", "95", "99"] and 0 < middle <= high[0] <= high[1]
    assert "packed" in done.stdout and "99%" in done.stdout


def test_percentiles_are_those_of_all_blocks_and_energy_is_a_median(load):
    blocks = iter([{"ms": [1.0, 2.0], "joules": 5.0}, {"ms": [9.0, 9.0], "joules": None}] * 5)
    one = SimpleNamespace(turns=lambda n: next(blocks) if n == 2 else None)
    found = load("harness").percentiles([one, one], 10)
    assert found[0]["percentiles_ms"] == {"50": 1.5, "95": 2.0, "99": 2.0} and found[0]["joules"] == 5.0
    assert found[1]["percentiles_ms"]["99"] == 9.0 and "joules" not in found[1]


def test_energy_is_that_of_all_packages_or_none(load, tmp_path):
    energy = load("energy")
    assert energy.joules(tmp_path) is None
    for name, count in (("intel-rapl:0", 1_500_000), ("intel-rapl:1", 500_000), ("intel-rapl:0:0", 9)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{count}\n")
    assert energy.joules(tmp_path) == 2.0
    assert energy.spent(1.0, 2.0, 4) == 0.25 and energy.spent(2.0, 1.0, 4) is None and energy.spent(None, 1.0, 4) is None


@pytest.mark.parametrize(("kind", "difference", "wrong"), [
    ("float32", 2e-4, True), ("bf16", 2e-2, False), ("bf16", 4e-2, True), ("int8", 0.2, False), ("int8", 0.5, True),
])  # fmt: skip
def test_an_answer_is_wrong_by_the_bound_of_its_format(load, tmp_path, kind, difference, wrong):
    harness, contestants = load("harness"), []
    for name, y, facts in (("exact", [1.0, 0.0], {}), ("other", [1.0, difference], {"format": kind})):
        np.savez(tmp_path / f"{name}.npz", np.array(y))
        contestants.append(SimpleNamespace(name=name, output=tmp_path / f"{name}.npz", facts=facts))
    if wrong:
        with pytest.raises(harness.WrongAnswer, match="other: its difference is"):
            harness.check_outputs(contestants)
    else:
        assert harness.check_outputs(contestants)[1]["difference"] == pytest.approx(difference)


def test_peers_of_another_environment_read_files_and_may_be_absent(load, capsys, tmp_path):
    pytest.importorskip("onnx")
    worker, harness = load("worker"), load("harness")
    run, task = worker.contestant("DeepSparse", f"outside:{tmp_path}/a.onnx")
    assert (run.__name__, task) == ("deepsparse", f"{tmp_path}/a.onnx")
    assert worker.contestant("minigoog bf16", "inference")[1] == "inference"
    absent = SimpleNamespace(name="DeepSparse", own=False, facts={"absent": "No module", "optional": True})
    assert harness.installed([absent]) == [] and "DeepSparse: absent" in capsys.readouterr().err
    done = subprocess.run([sys.executable, str(BENCHMARKS / "googlenet.py"), "--peer-python", "/no/python"], capture_output=True, text=True)
    assert done.returncode == 2 and "--peer-python: there is no program /no/python" in done.stderr


def test_who_compares_with_openvino_says_in_what_numbers_it_computes_and_who_has_no_bf16_takes_no_part(load):
    """OpenVINO takes bf16 unasked; ONNX Runtime has no kernels for it, and PyTorch uses it where autocast says so."""
    for path in BENCHMARKS.glob("*.py"):
        text = path.read_text()
        assert "import openvino" not in text or "INFERENCE_PRECISION_HINT" in text, path.name
    peers = {name for name in load("formats").CONTESTANTS if "minigoog" not in name and "int8" not in name}
    assert peers == {"PyTorch autocast", "OpenVINO as it comes"}


def test_the_table_of_scaling_has_a_line_for_each_size_and_a_column_for_each_number_of_threads(load):
    scaling = load("scaling")
    assert scaling.counts(1) == [1] and scaling.counts(6) == [1, 2, 4, 6]
    rows = [{"size": size, "threads": n, "ms": 9.0 / n, "speed": float(n), "share": 0.5} for size in (112, 224) for n in (1, 2)]
    lines = scaling.table(rows, 8).splitlines()
    assert lines[0] == "| batch 8 | 1 thread | 2 threads |" and lines[3] == "| 224x224 | 9.0 ms, 1.00x, 50% | 4.5 ms, 2.00x, 50% |"


@pytest.mark.slow  # some seconds
def test_scaling_measures_plans_by_size_and_threads(tmp_path):
    flags = ["--sizes", "64", "--threads", "2", "--rounds", "1", "--json", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, str(BENCHMARKS / "scaling.py"), *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out").read_text())["rows"]
    assert [row["threads"] for row in rows] == [1, 2] and all(0 < row["share"] < 4 for row in rows) and "| 64x64 |" in done.stdout


def test_threads_are_those_of_the_environment(load, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    flags = load("flags")
    assert flags.parser("").parse_args([]).threads == 3 and flags.parser("").parse_args(["--threads", "2"]).threads == 2


@pytest.mark.slow  # a quarter of a minute
def test_kernels_of_bytes_and_of_bf16_are_measured_against_their_own_peaks(tmp_path, load):
    flags = ["--layers", "5a.branch5x5", "--batch", "1", "--rounds", "1", "--algorithm", "direct", "bf16", "int8"]
    command = [sys.executable, str(BENCHMARKS / "kernels.py"), *flags, "--json", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "out").read_text())
    assert facts["peak_bf16"] > 0 and facts["peak_int8"] > 0
    for row in facts["rows"]:
        peak = facts.get(f"peak_{row['algorithm']}", facts["peak_gflops"])
        assert row["share"] == pytest.approx(row["gflops"] / peak) and row["error"] < 1e-5
    assert {row["algorithm"] for row in facts["rows"]} == {"NumPy", "direct", "bf16", "int8"}
