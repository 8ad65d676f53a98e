"""A training in which one write or one allocation fails: nothing is lost, one line says why, and the run resumes to the same bits."""

import json
import re
import shutil
from unittest.mock import patch

import pytest

from minigoog.files import atomic_write
from minigoog.formats import safetensors
from minigoog.train import __main__ as program
from minigoog.train import results
from tests.faults import failing_allocation, failing_write
from tests.train.runs import few_digits

TIMES = ("seconds", "images_per_second", "waiting", "test_seconds")  # differ from run to run
FLAGS = ["--model", "tiny", "--epochs", "2", "--batch-size", "24", "--norm", "--average", "0.9", "--workers", "0",
         "--checkpoint-minutes", "0"]


@pytest.fixture(autouse=True, scope="module")
def small_and_quick():
    """Epochs of two steps, and a curve of a few bytes."""

    def draw(_, path):
        with atomic_write(path) as file:
            file.write(b"a picture")

    with few_digits(48, 20), patch.object(results.curves, "draw", draw):
        yield


def contents(run):
    """Everything of a run that must be the same, and readable whenever it is there: arrays of each file, metrics without times."""
    arrays = {(path.name, name): array.tobytes() for path in run.glob("*.safetensors") for name, array in safetensors.load(path)[0].items()}
    metrics = run / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.exists() else []
    return arrays, [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def run_program(capsys, *flags):
    """(exit code, the lines on standard error) of the program."""
    capsys.readouterr()
    try:
        program.main(list(map(str, flags)))
        code = 0
    except SystemExit as stop:
        code = stop.code
    return code, [line for line in capsys.readouterr().err.splitlines() if line]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    program.main([*FLAGS, "--output", str(run)])
    return contents(run)


def check_end(capsys, run, what, code, errors):
    """After a fault: one line that says why, and files that are whole; then --resume ends with the same bits."""
    assert len(errors) == (0 if code == 0 else 1), (what, errors)  # 0: it could do without, such as a sync of the folder
    assert code == 0 or re.search("o space left|nput/output error|out of memory", errors[0]), (what, errors)
    contents(run)
    if not (run / "checkpoint.safetensors").exists():
        return False  # nothing was lost: the folder may go
    if code != 0:
        assert run_program(capsys, "--resume", run) == (0, []), what
    assert not list(run.glob(".*")), what
    return True


FAILING = {"write": failing_write, "allocation": lambda _, at: failing_allocation(at)}


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A run that a full disk ended in its second epoch."""
    folder = tmp_path_factory.mktemp("half")
    with failing_write(folder, 0) as faults:
        program.main([*FLAGS, "--output", str(folder / "whole")])
    renames = [at for at, event in enumerate(faults.events, start=1) if event == "replace checkpoint.safetensors"]
    with failing_write(folder, renames[-1]), pytest.raises(SystemExit):
        program.main([*FLAGS, "--output", str(folder / "run")])
    return folder / "run"


@pytest.mark.parametrize("every", [67, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", FAILING)
def test_resuming_survives(tmp_path, capsys, half, undisturbed, kind, every):
    def resumed(at):
        shutil.copytree(half, tmp_path / f"run{at}")
        with FAILING[kind](tmp_path, at) as faults:
            return faults, *run_program(capsys, "--resume", tmp_path / f"run{at}")

    faults, code, _ = resumed(0)
    assert code == 0
    for at in faults.kinds()[every // 2 :: every]:
        fault, code, errors = resumed(at)
        assert check_end(capsys, tmp_path / f"run{at}", fault.events[-1], code, errors), fault.events[-1]
        assert contents(tmp_path / f"run{at}") == undisturbed, fault.events[-1]
        shutil.rmtree(tmp_path / f"run{at}")


@pytest.mark.parametrize("every", [41, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", FAILING)
def test_a_training_survives(tmp_path, capsys, undisturbed, kind, every):
    with FAILING[kind](tmp_path, 0) as faults:
        assert run_program(capsys, *FLAGS, "--output", tmp_path / "run0") == (0, [])
    assert contents(tmp_path / "run0") == undisturbed
    resumed = 0
    for at in faults.kinds()[every // 2 :: every]:
        run = tmp_path / f"run{at}"
        with FAILING[kind](tmp_path, at) as fault:
            code, errors = run_program(capsys, *FLAGS, "--output", run)
        assert fault.happened
        if check_end(capsys, run, fault.events[-1], code, errors):
            assert contents(run) == undisturbed, fault.events[-1]
            resumed += 1
        shutil.rmtree(run, ignore_errors=True)
    assert resumed
