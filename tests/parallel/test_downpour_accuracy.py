"""Asynchronous training with three replicas, beside serial training with as many images."""

import json
import os
from pathlib import Path

import pytest

from . import processes
from .processes import ROOT

DATA = Path(os.environ.get("MINIGOOG_DATA", ROOT.parent / "shared" / "data"))
EPOCHS = 4  # after one, three replicas were 1.6 points behind
FLAGS = ["--model", "lenet5", "--data", "fashion-mnist", "--data-dir", DATA, "--augment", "none", "--epochs", EPOCHS, "--batch-size", "64",
         "--optimizer", "adagrad", "--lr", "0.003", "--workers", "0", "--threads", "1"]  # fmt: skip


def accuracy(folder):
    return json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["test_accuracy"]


@pytest.mark.slow
def test_three_replicas_end_within_a_point_of_serial_training_on_fashion_mnist(tmp_path):
    if not (DATA / "fashion-mnist").exists():
        pytest.skip("no Fashion-MNIST here (MINIGOOG_DATA)")
    for n, how in ((1, ["--micro-batches", "1"]), (4, ["--downpour"])):
        done = processes.run(n, "-m", "minigoog.train", *FLAGS, *how, "--output", tmp_path / f"{n}", folder=ROOT, limit=1200)
        assert done.returncode == 0, done.stderr
    last = json.loads((tmp_path / "4" / "metrics.jsonl").read_text().splitlines()[-1])
    assert sum(last["images_of_replicas"].values()) == EPOCHS * 60_000
    serial, late = accuracy(tmp_path / "1"), accuracy(tmp_path / "4")
    print(f"serial {serial:.2%}, three replicas {late:.2%}, staleness {last['staleness']}")
    assert abs(serial - late) < 0.01
