"""Learning curves of one or several runs, from their metrics."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from . import figures
from .text import aligned, duration

METRICS = "metrics.jsonl"  # in a run's folder: a line of JSON for each epoch, and one every LOG_EVERY steps (train/loop.py)
StrPath: TypeAlias = str | os.PathLike[str]

STYLES = {"train": ":", "test": "-", "averaged_test": "--"}


def epochs_of(run: StrPath) -> list[dict[str, Any]]:
    """The metrics of each epoch of a run; a last line that is incomplete is skipped."""
    path = Path(run) / METRICS
    if not path.exists():
        raise FileNotFoundError(f"{run}: no {METRICS}, expected the folder of a run")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    try:
        found = [line for line in map(json.loads, lines) if "test_loss" in line]
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error})") from None
    if not found:
        raise ValueError(f"{path}: no epoch has ended yet")
    return found


def draw(runs: Iterable[StrPath], output: StrPath) -> None:
    """Draws loss, accuracy and learning rate of `runs` by epoch into a file of any kind that matplotlib writes (extra `plots`)."""
    figure = figures.new(13, 4)
    axes = figure.subplots(1, 3)
    for i, run in enumerate(runs):
        _draw_run(axes, Path(run).name, epochs_of(run), f"C{i % 10}")
    for axis, title in zip(axes, ("loss", "accuracy", "learning rate"), strict=True):
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8)
    figures.save(figure, output, dpi=120)


def _draw_run(axes: Any, name: str, epochs: list[dict[str, Any]], color: str) -> None:
    """The curves of one run into the three axes."""
    by_epoch = [line["epoch"] for line in epochs]
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=False):
        for part, style in STYLES.items():
            if f"{part}_{quantity}" in epochs[0]:
                values = [line[f"{part}_{quantity}"] for line in epochs]
                axis.plot(by_epoch, values, style, color=color, label=f"{name}: {part.replace('_', ' ')}")
    axes[2].plot(by_epoch, [line["lr"] for line in epochs], color=color, label=name)


def summary(runs: Sequence[StrPath]) -> str:
    """A table with a line for each run: epochs, best and last test accuracy, time."""
    rows = [("run", "epochs", "last", "best", "of epoch", "training")]
    for run in runs:
        facts = epochs_of(run)
        accuracy = [line.get("averaged_test_accuracy", line["test_accuracy"]) for line in facts]
        best = max(range(len(facts)), key=accuracy.__getitem__)
        seconds = duration(sum(line["seconds"] for line in facts))
        rows.append((str(run), str(len(facts)), f"{accuracy[-1]:.2%}", f"{accuracy[best]:.2%}", str(best + 1), seconds))
    return aligned(rows, right=range(1, 6))
