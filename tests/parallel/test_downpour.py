"""Asynchronous training over MPI: equal to serial training with one replica, repeatable, and it goes on when a replica dies."""

import hashlib
import json
import re
import signal
from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest

from minigoog.formats import safetensors
from minigoog.parallel import launch
from minigoog.parallel.dealer import Dealer
from minigoog.parallel.post import Message
from minigoog.train import Config, TrainingError, fit
from minigoog.train.server import Arrivals, Pushed
from tests.train.runs import assert_same, few_digits, metrics_of

from . import processes
from .processes import ROOT
from .test_synchronous import quick_epochs  # noqa: F401  a fixture

DIGITS = (151, 60)
SETTINGS = {"model": "tiny", "epochs": 2, "batch_size": 16, "augment": "shift", "workers": 0, "norm": True, "average": 0.9, "clip": 1.0}
FLAGS = ["--model", "tiny", "--epochs", "2", "--batch-size", "16", "--augment", "shift", "--workers", "0", "--norm", "--average", "0.9",
         "--clip", "1", "--downpour", "--threads", "1"]


def on(n, *flags, ft=False):
    return processes.run(n, "-m", "tests.parallel.few", *DIGITS, *flags, folder=ROOT, ft=ft)


def killed(who, step, n, *flags, what="killed", ft=True):
    """A run in which a process kills itself in that step, or something else happens to it."""
    return processes.run(n, "-m", "tests.parallel.killed", what, who, step, *DIGITS, *FLAGS, *flags, folder=ROOT, ft=ft)


def digest(folder):
    arrays = safetensors.load(folder / "last.safetensors")[0]
    return hashlib.sha256(b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def arrivals(folder):
    return [json.loads(line) for line in (folder / "arrivals.jsonl").read_text().splitlines()]


def order_of(folder, server=0):
    return [rank for line in arrivals(folder)[1:] if line["server"] == server for rank in line["order"]]


def serial(folder, **more):
    with few_digits(*DIGITS):
        fit(Config(**SETTINGS | more, micro_batches=1, output=folder, threads=1))
    return folder


def without_staleness(folder):
    """Removes what only asynchronous training writes into the metrics."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if k not in ("staleness", "images_of_replicas")} for line in lines]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))


def test_one_replica_gives_the_bits_of_serial_training(tmp_path):
    done = on(2, *FLAGS, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert metrics_of(tmp_path / "run")[0]["staleness"] == [10]  # 10 steps, none late
    assert digest(serial(tmp_path / "alone")) == digest(tmp_path / "run")
    without_staleness(tmp_path / "run")
    assert_same(tmp_path / "alone", tmp_path / "run")


def test_event_files_have_what_is_a_number(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed")
    done = on(2, *FLAGS, "--epochs", "1", "--tensorboard", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    facts = metrics_of(tmp_path / "run")[0]
    assert events.Scalars("loss/test")[0].value == pytest.approx(facts["test_loss"])
    assert "staleness" in facts and not {"staleness", "images_of_replicas"} & set(events.Tags()["scalars"])


def test_training_goes_on_without_a_killed_replica_and_can_be_repeated_with_the_same_bits(tmp_path):
    done = killed(2, 3, 3, "--output", tmp_path / "run")
    assert done.returncode == 0 and "WARNING: rank 2 has died: 1 replica goes on; dealt anew: " in done.stdout, done.stderr
    order, lines = order_of(tmp_path / "run"), metrics_of(tmp_path / "run")
    assert order.count(-2) == 1 and 2 not in order[order.index(-2) :]
    assert [sum(line["images_of_replicas"].values()) for line in lines] == [DIGITS[0], 2 * DIGITS[0]]  # each image once an epoch
    assert [sum(line["staleness"]) for line in lines] == [10, 10]
    again = on(3, *FLAGS, "--replay", tmp_path / "run" / "arrivals.jsonl", "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert digest(tmp_path / "run") == digest(tmp_path / "again")
    assert_same(tmp_path / "run", tmp_path / "again")


@pytest.mark.slow
@pytest.mark.parametrize("flags, n", [(["--servers", "2", "--optimizer", "adagrad"], 4), (["--fetch-every", "2", "--push-every", "3"], 3),
                                      (["--servers", "3", "--push-every", "4", "--warm-start", "0.5", "--micro-batches", "2"], 5)])
def test_shards_and_rare_messages_can_be_repeated_with_the_same_bits(tmp_path, flags, n):
    done = on(n, *FLAGS, *flags, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    again = on(n, *FLAGS, *flags, "--replay", tmp_path / "run" / "arrivals.jsonl", "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert_same(tmp_path / "run", tmp_path / "again")


@pytest.mark.slow
def test_two_servers_and_one_replica_give_the_bits_of_serial_training(tmp_path):
    done = on(3, *FLAGS, "--servers", "2", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert digest(serial(tmp_path / "alone")) == digest(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("servers", [1, 2])
def test_a_killed_server_ends_the_job_which_is_resumed_from_the_last_checkpoint(tmp_path, servers):
    """With one replica: the result is that of serial training still."""
    done = killed(0, 15, servers + 1, "--servers", servers, "--output", tmp_path / "run")
    assert "a server has died" in done.stderr and "Resume with: python" in done.stderr, done.stderr  # mpiexec with ULFM returns 0
    again = on(servers + 1, "--resume", tmp_path / "run")
    assert again.returncode == 0, again.stderr
    assert digest(serial(tmp_path / "alone")) == digest(tmp_path / "run")
    assert any("resumed" in line for line in arrivals(tmp_path / "run"))


@pytest.mark.slow
def test_the_job_ends_with_its_last_replica(tmp_path):
    done = killed(1, 4, 2, "--output", tmp_path / "run")
    assert "all replicas have died. Resume from epoch 0.30 with: python" in done.stderr, done.stderr
    assert on(3, "--resume", tmp_path / "run").returncode == 0


@pytest.mark.parametrize("who, ft", [
    (1, True), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((1, False), (0, True), (0, False))),
])  # fmt: skip
def test_an_exception_in_a_replica_or_the_server_ends_all(tmp_path, who, ft):
    """Under a time limit. With ULFM mpiexec may return 0."""
    done = killed(who, 4, 3, "--output", tmp_path / "run", what="fails", ft=ft)
    assert "RuntimeError: this process fails" in done.stderr and "test accuracy" not in done.stdout
    assert ft or done.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("what", ["told", "all told"])
def test_a_sigterm_to_the_server_or_mpiexec_makes_a_checkpoint_of_the_last_update(tmp_path, what):
    """With one replica the result is that of serial training. mpiexec leaves its processes .2 s, and may not pass on what they say."""
    done = killed(0, 5, 2, "--output", tmp_path / "run", what=what, ft=False)
    assert processes.saved_at(tmp_path / "run") >= (0, 4)  # the fifth update may be under way
    assert on(2, "--resume", tmp_path / "run").returncode == 0
    assert digest(serial(tmp_path / "alone")) == digest(tmp_path / "run")
    if what == "told":
        assert "rank 0 was told to stop. Resume from epoch 0.40 with: python" in done.stderr
        assert done.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_server_that_waits_long_says_for_which_replica_and_in_which_epoch(tmp_path):
    done = killed(1, 3, 2, "--patience", "0.3", "--output", tmp_path / "run", what="late", ft=False)
    assert done.returncode == 0 and re.search(r"rank 0 has waited \d+ s for rank 1 in epoch 1", done.stderr), done.stderr


@pytest.mark.parametrize("sent, counts", [(32, True), (31, False)])
def test_images_that_were_sent_but_not_counted_end_the_training(sent, counts):
    """What came before is 16 images of rank 2."""
    arrivals = Arrivals.__new__(Arrivals)
    arrivals.dealer, arrivals.images, arrivals.staleness, arrivals.version, arrivals.number = Dealer(), Counter({2: 16}), Counter(), 7, 0
    arrivals.dealer.begin([3])
    arrivals.dealer.deal(2)
    message = Message(2, "push", Pushed([3], 16, [1.0], 5, [4], 1.0, sent), np.zeros(1, np.float32))
    with nullcontext() if counts else pytest.raises(TrainingError, match="counted 32 images of rank 2, which has sent 31"):
        assert arrivals._batch(message).images == 16 and arrivals.staleness == {3: 1}


@pytest.mark.parametrize("settings, message", [
    ({"servers": 2}, "`servers` is 2, but without `downpour` there are no servers"),
    ({"push_every": 3}, "`push_every` is 3, but without `downpour`"),
    ({"replay": "x"}, "`replay` is 'x', but without `downpour`"),
    ({"downpour": True, "staleness": 3}, "`staleness` is 3, but with `downpour` gradients are late by themselves"),
    ({"downpour": True, "data_parallel": True}, "`data_parallel` is True, but with `downpour` no batch is shared"),
    ({"downpour": True, "elastic": True}, "`elastic` is True, but with `downpour` the others always go on"),
    ({"downpour": True, "prune": 0.5}, "`prune` is 0.5, but with `downpour` no step is the same"),
    ({"downpour": True, "servers": 2, "weights": "x"}, "`servers` is 2, expected 1 with `weights`"),
])  # fmt: skip
def test_settings_that_make_no_sense_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Config(**settings)


@pytest.mark.parametrize("processes, servers", [(1, 1), (2, 2)])
def test_too_few_processes_are_refused(tmp_path, monkeypatch, processes, servers):
    monkeypatch.setenv(launch.SIZES[0], str(processes))
    message = f"`downpour` has {processes} processes, expected at least {servers + 1}, `servers` and a replica: mpiexec -n {servers + 1}"
    with pytest.raises(ValueError, match=message):
        fit(Config(model="tiny", downpour=True, servers=servers, output=tmp_path / "run"))
