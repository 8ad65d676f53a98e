"""Runs of the training program, and what they write."""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "minigoog.train"]
TINY = {"model": "tiny", "workers": 0, "epochs": 3}


def train(folder, *flags):
    """Runs the program to its end in `folder`."""
    return subprocess.run([*COMMAND, *map(str, flags)], cwd=folder, capture_output=True, text=True, timeout=300)


def metrics_of(folder, kind="test_loss"):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    lines = (json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if kind in line]
