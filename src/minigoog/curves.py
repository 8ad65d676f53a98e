"""Learning curves of one or several runs, from their metrics."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias

from . import figures
from .reading import LONGEST_JSON, json_value, open_regular, reading
from .text import aligned, duration, printable, short

METRICS = "metrics.jsonl"  # in a run's folder: a line of JSON for each epoch, and one every LOG_EVERY steps (train/loop.py)
StrPath: TypeAlias = str | os.PathLike[str]

STYLES = {"train": ":", "test": "-", "averaged_test": "--"}
REQUIRED = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "lr", "seconds")  # of a line, see train/results.py
OPTIONAL = ("averaged_test_loss", "averaged_test_accuracy")
MOST_EPOCHS, LARGEST = 100_000, 1e39


def epochs_of(run: StrPath) -> list[dict[str, float]]:
    """The metrics of each epoch of a run; a last line that is incomplete is skipped."""
    path = Path(run) / METRICS
    if not path.exists():
        raise FileNotFoundError(f"{run}: no {METRICS}, expected the folder of a run")
    with reading(path, "damaged"), open_regular(path) as file:
        found = list(islice(filter(None, map(_epoch, _lines(file))), MOST_EPOCHS + 1))
        if len(found) > MOST_EPOCHS:
            raise ValueError(f"more than {MOST_EPOCHS} epochs, expected at most that")
        if any(facts.keys() != found[0].keys() for facts in found):
            raise ValueError("only some epochs have averaged weights")
    if not found:
        raise ValueError(f"{path}: no epoch has ended yet")
    return found


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The complete lines of a file; ValueError for a longer one than JSON may be."""
    while line := file.readline(LONGEST_JSON + 1):
        if line.endswith(b"\n"):
            yield line
        elif len(line) > LONGEST_JSON:
            raise ValueError(f"a line of more than {LONGEST_JSON} bytes")


def _epoch(line: bytes) -> dict[str, float]:
    """The numbers of an epoch that a table or a figure shows; nothing for a line that does not end an epoch."""
    facts = json_value(line, dict)
    if "test_loss" not in facts:
        return {}
    shown = {name: facts[name] for name in (*REQUIRED, *(name for name in OPTIONAL if name in facts))}
    for name, value in shown.items():
        if type(value) not in (int, float) or not -LARGEST < value < LARGEST:
            raise ValueError(f"`{name}` is {short(value)}, expected a number")
    return shown


def draw(runs: Iterable[StrPath], output: StrPath) -> None:
    """Draws loss, accuracy and learning rate of `runs` by epoch into a file of any kind that matplotlib writes (extra `plots`)."""
    figure = figures.new(13, 4)
    axes = figure.subplots(1, 3)
    for i, run in enumerate(runs):
        _draw_run(axes, printable(Path(run).name).replace("$", r"\$"), epochs_of(run), f"C{i % 10}")
    for axis, title in zip(axes, ("loss", "accuracy", "learning rate"), strict=True):
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8)
    figures.save(figure, output, dpi=120)


def _draw_run(axes: Any, name: str, epochs: list[dict[str, float]], color: str) -> None:
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
        rows.append((printable(run), str(len(facts)), f"{accuracy[-1]:.2%}", f"{accuracy[best]:.2%}", str(best + 1), seconds))
    return aligned(rows, right=range(1, 6))
