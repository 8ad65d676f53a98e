"""Runs of the training program, and what they write."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest

from minigoog import curves, data
from minigoog.formats import safetensors
from minigoog.train import Config, Interrupted, fit, loop, resume

COMMAND = [sys.executable, "-m", "minigoog.train"]
TIMES = ("seconds", "images_per_second", "waiting", "test_seconds")  # differ from run to run
TINY = {"model": "tiny", "workers": 0, "epochs": 3}


def train(folder, *flags):
    """Runs the program to its end in `folder`."""
    return subprocess.run([*COMMAND, *map(str, flags)], cwd=folder, capture_output=True, text=True, timeout=300)


@contextmanager
def few_digits(train, test):
    """Within a with-block, trainings in this process see only this many digits, so that an epoch takes a moment."""
    original = data.open_dataset

    def few(name, split, *args, **settings):
        whole, n = original(name, split, *args, **settings), train if split == "train" else test
        return data.ArrayDataset(whole.images[:n], whole.labels[:n], whole.classes) if n < len(whole) else whole

    with patch.object(data, "open_dataset", few):
        yield


def metrics_of(folder, kind="test_loss"):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    lines = (json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if kind in line]


def files_of(folder):
    """Everything of a run that must be the same: arrays of each file, and the metrics without times."""
    arrays = {path.name: safetensors.load(path)[0] for path in sorted(folder.glob("*.safetensors"))}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return arrays, [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def assert_same(a, b):
    (arrays, lines), (other_arrays, other_lines) = files_of(a), files_of(b)
    assert lines == other_lines and arrays.keys() == other_arrays.keys()
    for name in arrays:
        assert arrays[name].keys() == other_arrays[name].keys()
        for key in arrays[name]:
            assert np.array_equal(arrays[name][key], other_arrays[name][key]), (name, key)


def stop_after(monkeypatch, steps):
    """Makes the trainer see a SIGTERM in that step."""
    original, taken = loop.Trainer._step, []

    def step(*args):
        taken.append(1)
        if len(taken) == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*args)

    monkeypatch.setattr(loop.Trainer, "_step", step)


@contextmanager
def quick_epochs():
    """Within a with-block, epochs have 56 images for training and 40 for testing, and runs draw no figure."""
    with few_digits(56, 40), patch.object(curves, "draw", lambda *_: None):
        yield


def assert_resumes_with_the_same_bits(tmp_path, monkeypatch, settings):
    """A run with these settings that is stopped in its third step, and resumed, ends as one that is not."""
    with quick_epochs():
        fit(Config(**settings, output=str(tmp_path / "whole")))
        with monkeypatch.context() as patch:
            stop_after(patch, 3)
            with pytest.raises(Interrupted):
                fit(Config(**settings, output=str(tmp_path / "stopped")))
        resume(tmp_path / "stopped")
    assert_same(tmp_path / "whole", tmp_path / "stopped")
