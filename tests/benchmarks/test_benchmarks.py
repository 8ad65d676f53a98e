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


def test_a_training_step_is_raced_with_its_gradient(tmp_path, load):
    facts = measured(tmp_path / "out.json", "googlenet.py", "--batch", "--train-batch", "1", "--contestants", "minigoog")
    assert facts["rows"][0]["gradient_difference"] == 0
    assert "| peak memory, MiB |" in load("update_readme").table(facts)


def test_avx2_is_what_runs_and_what_is_reported(tmp_path):
    if "avx2" not in minigoog.kernels.native.machine.available_isas():
        pytest.skip("this CPU has no AVX2")
    flags = ["--batch", "1", "--train-batch", "--avx2", "--contestants", "minigoog compiled"]
    facts = measured(tmp_path / "out.json", "googlenet.py", *flags)
    assert facts["machine"]["isa"] == "avx2" and facts["rows"][0]["isa"] == "avx2"


@pytest.mark.parametrize("direction", ["forward", "input", "weight"])
def test_each_algorithm_is_raced_on_a_layer(tmp_path, load, direction):
    facts = measured(tmp_path / "out.json", "kernels.py", "--batch", "1", "--layers", "5a.branch3x3.conv", "--direction", direction)
    algorithms = ["NumPy", "im2col", "direct", "winograd", "auto", "plan"]
    assert [row["algorithm"] for row in facts["rows"]] == algorithms[: 6 if direction == "forward" else 5]
    assert all(row["gflops"] > 0 and row["error"] < 1e-4 for row in facts["rows"])
    assert "| winograd | 1 |" in load("update_readme").table(facts)


def test_what_only_moves_maps_is_measured_in_bytes(tmp_path):
    facts = measured(tmp_path / "out.json", "kernels.py", "--batch", "1", "--layers", "pool4", "--isa", "plain", "--threads", "1")
    found = [(row["algorithm"], row["isa"], row["threads"]) for row in facts["maps"]]
    assert found == [("NumPy", "its own", 1), ("max", "plain", 1)]
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
        contestants.append(SimpleNamespace(name=f"number {i}", output=tmp_path / f"{i}.npz"))
    with pytest.raises(ValueError, match=r"number 1: its difference is 0\.01 .*not timed"):
        load("harness").check_outputs(contestants)


@pytest.mark.parametrize("wrong", [np.array([1.0, np.nan]), np.array([1.0, 2.1]), np.ones(3)])
def test_a_wrong_kernel_is_not_timed(load, wrong):
    with pytest.raises(ValueError, match="a wrong answer is not timed"):
        load("turns").error("kernel", wrong, np.array([1.0, 2.0]), 1e-4)


@pytest.mark.parametrize(
    "program, flags, message",
    [
        ("googlenet.py", ["--contestants", "nobody"], "invalid choice: 'nobody'"),
        ("googlenet.py", ["--threads", "0"], "expected a whole number from 1 on"),
        ("googlenet.py", ["--json", "nowhere/out.json"], "the folder of nowhere/out.json does not exist"),
        ("googlenet.py", ["--batch", "--train-batch"], "there is nothing to run"),
        ("kernels.py", ["--layers", "6a"], "no layer has '6a' in its name"),
        ("kernels.py", ["--isa", "mmx"], "'mmx' is not available here"),
        ("ladder.py", ["--layers", "6a"], "no layer has '6a' in its name"),
        ("update_readme.py", ["nothing.json"], "there is no file nothing.json"),
    ],
)
def test_a_wrong_flag_gets_exit_code_2(program, flags, message):
    done = run(program, *flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
