"""Learning curves of one or several runs, from their metrics."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeAlias

from . import figures
from .reading import LONGEST_JSON, json_value, open_regular, reading
from .text import aligned, duration, printable, short

METRICS = "metrics.jsonl"  # in a run's folder: a line of JSON for each epoch, and one every LOG_EVERY steps (train/loop.py)
StrPath: TypeAlias = str | os.PathLike[str]

STYLES = {"train": ":", "test": "-", "averaged_test": "--"}
REQUIRED = ("epoch", "train_loss", "train_accuracy", "lr", "seconds")  # of a line, see train/results.py
TESTED = ("test_loss", "test_accuracy")  # of an epoch that was tested (--test-every)
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
        if len({tuple(facts) for facts in tested(found)}) > 1:
            raise ValueError("only some epochs have averaged weights")
    if not tested(found):
        raise ValueError(f"{path}: no epoch has ended with a test yet")
    return found


def tested(epochs: list[dict[str, float]]) -> list[dict[str, float]]:
    """Those epochs that were tested."""
    return [facts for facts in epochs if "test_loss" in facts]


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
    if "train_loss" not in facts:
        return {}
    names = (*REQUIRED, *TESTED, *(name for name in OPTIONAL if name in facts)) if "test_loss" in facts else REQUIRED
    shown = {name: facts[name] for name in names}
    for name, value in shown.items():
        if type(value) not in (int, float) or not -LARGEST < value < LARGEST:
            raise ValueError(f"`{name}` is {short(value)}, expected a number")
    return shown


def draw(runs: Iterable[StrPath], output: StrPath) -> None:
    """Draws loss, accuracy and learning rate of `runs` by epoch into a file of any kind that matplotlib writes (extra `plots`)."""
    figure = figures.new(13, 4)
    axes = figure.subplots(1, 3)
    for i, run in enumerate(runs):
        _draw_run(axes, printable(Path(run).name).replace("$", r"\$"), tested(epochs_of(run)), f"C{i % 10}")
    for axis, title in zip(axes, ("loss", "accuracy", "learning rate"), strict=True):
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8)
    figures.save(figure, output, dpi=120)


def _draw_run(axes: Any, name: str, epochs: list[dict[str, float]], color: str) -> None:
    """The curves of one run, from the epochs that were tested, into the three axes."""
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
        epochs = epochs_of(run)
        accuracy = [(line.get("averaged_test_accuracy", line["test_accuracy"]), line["epoch"]) for line in tested(epochs)]
        best, of_epoch = max(accuracy, key=itemgetter(0))  # the first of equal ones
        seconds = duration(sum(line["seconds"] for line in epochs))
        rows.append((printable(run), str(epochs[-1]["epoch"]), f"{accuracy[-1][0]:.2%}", f"{best:.2%}", str(of_epoch), seconds))
    return aligned(rows, right=range(1, 6))
