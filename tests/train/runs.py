"""Runs of the training program, and what they write."""

import json
import subprocess
import sys
from contextlib import contextmanager
from unittest.mock import patch

from minigoog import data

COMMAND = [sys.executable, "-m", "minigoog.train"]
TINY = {"model": "tiny", "workers": 0, "epochs": 3}


def train(folder, *flags):
    """Runs the program to its end in `folder`."""
    return subprocess.run([*COMMAND, *map(str, flags)], cwd=folder, capture_output=True, text=True, timeout=300)


@contextmanager
def few_digits(train, test):
    """Within a with-block, trainings in this process see only this many digits, so that an epoch takes a moment."""
    original = data.open_dataset

    def few(*args, **settings):
        whole = original(*args, **settings)
        n = train if len(whole) > 1000 else test if len(whole) > 300 else len(whole)
        return data.ArrayDataset(whole.images[:n], whole.labels[:n], whole.classes) if n < len(whole) else whole

    with patch.object(data, "open_dataset", few):
        yield


def metrics_of(folder, kind="test_loss"):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    lines = (json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if kind in line]
