"""Processes that are killed or told to stop: nothing behind the last checkpoint is lost, no bit changes, and nobody waits for ever."""

import json
import os
import signal

import numpy as np
import pytest

from minigoog.train import Config, Interrupted, fit, resume
from tests.train.runs import assert_same, metrics_of, stop_after

from . import processes
from . import test_downpour as downpour
from .kills import Killer
from .processes import ROOT
from .test_synchronous import DIGITS, FLAGS, SETTINGS, quick_epochs  # noqa: F401  a fixture

KILLS = int(os.environ.get("MINIGOOG_MPI_KILLS", "20"))
EPOCHS = "100000"  # more than it takes
OFTEN = ["--checkpoint-minutes", "0.0005", "--patience", "20"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run of one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    fit(Config(**SETTINGS, output=folder, threads=1))
    return folder


@pytest.mark.parametrize("who", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_with_elastic_the_others_go_on_without_a_killed_process_and_say_so(tmp_path, alone, who):
    words = ["-m", "tests.parallel.killed", who, 5, *DIGITS, *FLAGS, "--elastic", "--output", tmp_path / "run"]
    done = processes.run(3, *words, folder=ROOT, ft=True)
    assert f"WARNING: rank {who} has died: the other 2 go on from step 1 of epoch 2" in done.stdout, done.stderr
    assert "test accuracy" in done.stdout
    assert_same(alone, tmp_path / "run")


def test_without_elastic_the_job_ends_and_says_how_to_resume_it(tmp_path, alone):
    words = ["-m", "tests.parallel.killed", 1, 5, *DIGITS, *FLAGS, "--output", tmp_path / "run"]
    done = processes.run(2, *words, folder=ROOT)
    assert done.returncode == 128 + signal.SIGKILL
    assert done.stderr.count("rank 0 was told to stop. Resume from epoch 1.33 with:") == 1, done.stderr
    resume(tmp_path / "run")
    assert_same(alone, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("what, who", [("told", 0), ("told", 1), ("all told", 0)])
def test_a_sigterm_to_a_process_or_mpiexec_makes_a_checkpoint(tmp_path, alone, what, who):
    """mpiexec leaves its processes .2 s, and may not pass on what they say: the first one writes the last step at once."""
    words = ["-m", "tests.parallel.killed", what, who, 5, *DIGITS, *FLAGS, "--output", tmp_path / "run"]
    done = processes.run(2, *words, folder=ROOT)
    assert processes.saved_at(tmp_path / "run") >= (1, 1)  # of 3 steps in an epoch, the fourth is done
    resume(tmp_path / "run")
    assert_same(alone, tmp_path / "run")
    if what == "told":
        assert "Resume from epoch 1.33 with" in done.stderr or "Resume from epoch 1.67 with" in done.stderr
        assert done.returncode == 128 + signal.SIGTERM


def job(run, flags, least):
    """What a Killer runs: a new run in `run`, or that run resumed, on some number of processes."""

    def new(draw):
        what = ["--resume", run] if (run / "config.toml").exists() else [*flags, "--output", run]
        return draw.choice([least, least + 1]), ["-m", "tests.parallel.few", *DIGITS, *what]

    return new


@pytest.mark.slow
def test_random_kills_of_random_processes_lose_no_bit(tmp_path, monkeypatch):
    """MINIGOOG_MPI_KILLS says how many; after each, the run is resumed on some number of processes."""
    flags = [*FLAGS[:2], "--epochs", EPOCHS, *FLAGS[4:], *OFTEN]
    steps = Killer(tmp_path / "run", KILLS, job(tmp_path / "run", flags, 2)).kill_all()
    stop_after(monkeypatch, steps)
    with pytest.raises(Interrupted):
        fit(Config(**SETTINGS | {"epochs": int(EPOCHS)}, output=tmp_path / "alone", threads=1))
    assert_same(tmp_path / "alone", tmp_path / "run")


@pytest.mark.slow
def test_random_kills_in_asynchronous_training_lose_nothing_behind_the_last_checkpoint(tmp_path):
    """A killed replica leaves the others at work; a killed server ends the job, which is resumed."""
    flags, run = [*downpour.FLAGS[:2], "--epochs", EPOCHS, *downpour.FLAGS[4:], *OFTEN], tmp_path / "run"
    steps = Killer(run, KILLS, job(run, flags, 3), ft=True).kill_all()
    assert [line["epoch"] for line in metrics_of(run)] == list(range(1, steps // 10 + 1))  # epochs of 10 batches


def test_two_processes_test_a_network_as_one_does(tmp_path, alone):
    for n in (1, 2):
        words = ["-m", "minigoog.evaluate", alone, "--data", "digits", "--json", tmp_path / f"{n}.json", "--threads", "1"]
        done = processes.run(n, *words, folder=ROOT)
        assert done.returncode == 0 and done.stdout.count("top-1 error") == 1, done.stderr
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert one == two and np.sum(one["confusion"]) == one["images"] > 240  # several batches


LATE = """
import os, time
from minigoog.parallel import launch
comm = launch.mpi("test").COMM_WORLD
first = comm.bcast(os.getpid())
launch.END = 1.0
if comm.rank:
    time.sleep(6)  # MPI_Finalize of rank 0 waits for this process
    print("rank 0 runs still" if os.path.exists(f"/proc/{first}") else "rank 0 has ended")
launch.end_mpi(0)
"""


def test_a_process_ends_although_mpi_finalize_waits_for_another():
    done = processes.run(2, "-c", LATE, folder=ROOT, ft=True)
    assert (done.returncode, done.stdout) == (0, "rank 0 has ended\n"), done.stderr
