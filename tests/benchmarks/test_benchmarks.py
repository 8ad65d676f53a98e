"""The benchmarks run, write what they measured, and refuse wrong answers. Nothing here looks at a time."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog
from minigoog.sparsity.speed.turns import check_answer

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(minigoog.kernels.native is None, reason="the C kernels were not built: nothing to benchmark")


def run(program, *flags):
    return subprocess.run([sys.executable, str(BENCHMARKS / program), *flags], capture_output=True, text=True, timeout=120)


def measured(path, program, *flags):
    """What a program wrote to `path`."""
    done = run(program, "--rounds", "1", "--json", str(path), *flags)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text())


def test_a_contest_writes_its_rows_and_its_machine(tmp_path, load):
    names = ["minigoog", "minigoog compiled"]
    facts = measured(tmp_path / "out.json", "googlenet.py", "--batch", "1", "--train-batch", "--contestants", *names)
    assert [row["name"] for row in facts["rows"]] == names
    assert all(row["ms"] > 0 and row["difference"] < 1e-4 and row["peak_mib"] > 0 for row in facts["rows"])
    assert {"cpu", "cores", "isa", "minigoog", "numpy"} <= facts["machine"].keys()
    assert "| inference, 1 image |" in load("update_readme").table(facts)


def test_a_training_step_is_timed_with_its_gradient(tmp_path, load):
    facts = measured(tmp_path / "out.json", "googlenet.py", "--batch", "--train-batch", "1", "--contestants", "minigoog")
    assert facts["rows"][0]["gradient_difference"] == 0
    assert "| peak memory, MiB |" in load("update_readme").table(facts)


def test_another_build_takes_part_without_any_peer(tmp_path):
    facts = measured(tmp_path / "out.json", "googlenet.py", "--against", sys.executable, "--batch", "1", "--train-batch", "1")
    names = ["minigoog", "minigoog (other)", "minigoog compiled", "minigoog compiled (other)"]
    assert [row["name"] for row in facts["rows"]] == [*names, *names[:2]]
    compared = [(row["name"], row["task"]) for row in facts["comparisons"]]
    assert compared == [("minigoog", "inference"), ("minigoog compiled", "inference"), ("minigoog", "train")]
    assert facts["builds"] == dict.fromkeys(("this", "other"), str(Path(minigoog.__file__).parent))


def timed(name, *times):
    return {"name": name, "task": "train", "batch": 1, "times_ms": times}


@pytest.mark.parametrize("ours, ratio, quartiles, slower", [
    ((10, 21, 29, 40), 1.0, [0.9916666, 1.0125], False),
    ((11, 22, 33, 44), 1.1, [1.1, 1.1], True),
    ((8, 22, 33, 32), 0.95, [0.8, 1.1], False),
    ((9, 22, 33, 36), 1.0, [0.9, 1.1], False),
    ((9, 23, 34, 46), 1.1416666, [1.075, 1.15], True),
    ((9, 19, 34, 46), 1.0416666, [0.9375, 1.1375], False),  # the median is too high, the spread holds 1
])
def test_builds_are_compared_round_by_round(load, ours, ratio, quartiles, slower):
    rows = [timed("minigoog", *ours), timed("minigoog (other)", 10, 20, 30, 40), timed("PyTorch default", 1)]
    [found] = load("googlenet").comparisons(rows)
    assert found["ratio"] == pytest.approx(ratio) and found["quartiles"] == pytest.approx(quartiles) and found["slower"] == slower


def test_two_builds_are_started_several_times_and_exchange_places(load, monkeypatch):
    module, seen = load("googlenet"), []

    def contest(entries, task, batch, threads, rounds):
        seen.append(([entry.name for entry in entries], rounds))
        start = len(seen)
        return [{"name": entry.name, "peak_mib": start, "difference": 0, "times_ms": [start + i for i in range(rounds)]}
                for entry in entries]

    monkeypatch.setattr(module.harness, "contest", contest)
    flags = SimpleNamespace(contestants=["minigoog"], against="python", avx2=False, threads=2, rounds=8)
    rows = module.run_contest("inference", 32, flags)
    names = ["minigoog", "minigoog (other)"]
    assert seen == [(names[:: 1 if i % 2 == 0 else -1], n) for i, n in enumerate((2, 2, 1, 1, 1, 1))]
    assert [row["name"] for row in rows] == names
    assert all(row["times_ms"] == [1, 2, 2, 3, 3, 4, 5, 6] and (row["ms"], row["peak_mib"], row["rounds"]) == (3, 6, 8) for row in rows)


def test_a_build_that_is_not_there_ends_the_comparison_and_a_peer_only_leaves_it(load, capsys):
    peer, other = (SimpleNamespace(name=name, own=own, facts={"absent": "No module"}) for name, own in (("peer", True), ("other", False)))
    assert load("harness").installed([peer]) == [] and capsys.readouterr().err == "peer: absent (No module)\n"
    with pytest.raises(RuntimeError, match="other: No module"):
        load("harness").installed([peer, other])


def test_another_environment_does_not_see_this_ones_packages(load, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "here")
    entry = load("harness").Entry("minigoog", "minigoog")
    assert entry.variables(2)["PYTHONPATH"] == "here" and entry.variables(2)["OMP_NUM_THREADS"] == "2"
    assert "PYTHONPATH" not in entry._replace(python="/other/python").variables(2)


def test_avx2_is_what_runs_and_what_is_reported(tmp_path):
    if "avx2" not in minigoog.kernels.native.machine.available_isas():
        pytest.skip("this CPU has no AVX2")
    flags = ["--batch", "1", "--train-batch", "--avx2", "--contestants", "minigoog compiled"]
    facts = measured(tmp_path / "out.json", "googlenet.py", *flags)
    assert facts["machine"]["isa"] == "avx2" and facts["rows"][0]["isa"] == "avx2"


@pytest.mark.parametrize("direction", ["forward", "input", "weight"])
def test_each_algorithm_is_timed_on_a_layer(tmp_path, load, direction):
    facts = measured(tmp_path / "out.json", "kernels.py", "--batch", "1", "--layers", "5a.branch3x3.conv", "--direction", direction)
    algorithms = ["NumPy", "im2col", "direct", "winograd", "auto", "plan", "bf16", "int8"]
    assert [row["algorithm"] for row in facts["rows"]] == algorithms[: 8 if direction == "forward" else 5]
    assert all(row["gflops"] > 0 and row["error"] < 1e-4 for row in facts["rows"])
    assert "| winograd | 1 |" in load("update_readme").table(facts)


def test_what_only_moves_maps_is_measured_in_bytes(tmp_path):
    facts = measured(tmp_path / "out.json", "kernels.py", "--batch", "1", "--layers", "pool4", "--isa", "plain", "--threads", "1")
    found = [(row["algorithm"], row["isa"], row["threads"]) for row in facts["maps"]]
    assert found == [("NumPy", "BLAS", 1), ("max", "plain", 1)]
    assert not facts["rows"] and facts["maps"][1]["bytes"] == 4 * 832 * (14 * 14 + 7 * 7)


def test_the_ladder_is_climbed_and_written_between_its_marks(tmp_path):
    facts = measured(tmp_path / "ladder.json", "ladder.py", "--batch", "1", "--layers", "5a.branch3x3.conv", "--threads", "2")
    assert {row["rung"][0] for row in facts["rows"]} == set("1234567")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- benchmark: ladder -->\nold\n<!-- end of benchmark -->\nafter\n")
    assert run("update_readme.py", str(tmp_path / "ladder.json"), "--into", str(page)).returncode == 0
    assert "old" not in page.read_text() and "| 7 winograd" in page.read_text() and page.read_text().startswith("before\n<!--")
    page.write_text("no mark")
    done = run("update_readme.py", str(tmp_path / "ladder.json"), "--into", str(page))
    assert done.returncode == 1 and "has no mark <!-- benchmark: ladder -->" in done.stderr


def test_the_shapes_are_those_of_the_model(load):
    model = minigoog.models.GoogLeNet()  # in training, so that the heads run too
    modules = dict(model.named_modules())
    found = []
    for layer in minigoog.summary(model, (224, 224, 3)).rows:
        if layer.kind == "Conv2d":
            conv = modules[layer.name]
            (stride, _), (pad, _), sizes = conv.stride, conv.padding, (*layer.in_shape[1:], *conv.kernel_size)
            found.append((layer.name, *sizes, conv.out_channels, stride, pad))
    convolutions = load("layers").convolutions()
    assert sorted(convolutions) == sorted(found)
    assert len(convolutions) == 57 + 2


def test_the_maps_are_those_of_the_model(load):
    maps = {layer.name: layer for layer in load("layers").maps()}
    for layer in minigoog.summary(minigoog.models.GoogLeNet(), (224, 224, 3)).rows:
        if "Pool" in layer.kind:
            of_file = maps.pop(layer.name)
            assert (of_file.h, of_file.w, of_file.c) == layer.in_shape[1:]
            assert of_file.out == (layer.out_shape[1:3] if len(layer.out_shape) == 4 else (1, 1))
    assert {layer.kernel for layer in maps.values()} == {"relu", "softmax"}


def test_a_wrong_answer_is_not_timed(tmp_path, load):
    outputs = [np.ones(10), np.ones(10) * 1.01]
    contestants = []
    for i, output in enumerate(outputs):
        np.savez(tmp_path / f"{i}.npz", output)
        contestants.append(SimpleNamespace(name=f"number {i}", output=tmp_path / f"{i}.npz", facts={}))
    with pytest.raises(ValueError, match=r"number 1: its difference is 0\.01 .*not timed"):
        load("harness").check_outputs(contestants)


@pytest.mark.parametrize("wrong", [np.array([1.0, np.nan]), np.array([1.0, 2.1]), np.ones(3)])
def test_a_wrong_kernel_is_not_timed(wrong):
    with pytest.raises(ValueError, match="a wrong answer is not timed"):
        check_answer("kernel", wrong, np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    "program, flags, message",
    [
        ("googlenet.py", ["--contestants", "caffe"], "invalid choice: 'caffe'"),
        ("googlenet.py", ["--threads", "0"], "expected an integer from 1 on, got '0'"),
        ("googlenet.py", ["--json", "nowhere/out.json"], "argument --json: nowhere/out.json: there is no folder"),
        ("googlenet.py", ["--batch", "--train-batch"], "nothing to run"),
        ("googlenet.py", ["--against", "nowhere/python"], "--against: there is no program nowhere/python"),
        ("googlenet.py", ["--against", sys.executable, "--contestants", "OpenVINO"], "--against compares builds of minigoog"),
        ("kernels.py", ["--layers", "6a"], "no layer has '6a' in its name"),
        ("kernels.py", ["--isa", "mmx"], "'mmx' is not available here"),
        ("ladder.py", ["--layers", "6a"], "no layer has '6a' in its name"),
        ("update_readme.py", ["nothing.json"], "there is no file nothing.json"),
    ],
)
def test_a_wrong_flag_gets_exit_code_2(program, flags, message):
    done = run(program, *flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("augment", ["shift", "paper"])
def test_the_loader_is_measured_step_by_step_and_in_training(augment):
    flags = ["--data", "digits", "--size", "8", "--model", "tiny", "--batch-size", "16", "--steps", "3", "--augment", augment]
    done = run("loader.py", *flags)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("decode") and any(line.startswith("Normalize") for line in lines)
    assert "training tiny at batch 16" in lines[-1]
