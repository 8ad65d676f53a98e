"""Learning curves of one or several runs, from their metrics."""

import json
from pathlib import Path

from ..files import atomic_write
from ..text import aligned

STYLES = {"train": ":", "test": "-", "averaged_test": "--"}


def epochs_of(run):
    """The facts of each epoch in a run's metrics.jsonl; a last line that was being written is left out."""
    path = Path(run) / "metrics.jsonl"
    if not path.exists():
        raise FileNotFoundError(f"{run}: no metrics.jsonl, expected the folder of a run")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    try:
        found = [line for line in map(json.loads, lines) if "test_loss" in line]
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error})") from None
    if not found:
        raise ValueError(f"{path}: no epoch has ended yet")
    return found


def draw(runs, output):
    """Draws loss, accuracy and learning rate of `runs` by epoch into a file of any kind that matplotlib writes (extra `plots`)."""
    try:
        import matplotlib.figure
    except ModuleNotFoundError:
        raise ImportError("curves need matplotlib: pip install 'minigoog[plots]'") from None
    figure = matplotlib.figure.Figure(figsize=(13, 4), layout="constrained")
    axes = figure.subplots(1, 3)
    for i, run in enumerate(runs):
        facts = epochs_of(run)
        by_epoch = [line["epoch"] for line in facts]
        for axis, quantity in zip(axes, ("loss", "accuracy"), strict=False):
            for part, style in STYLES.items():
                if f"{part}_{quantity}" in facts[0]:
                    label = f"{Path(run).name}: {part.replace('_', ' ')}"
                    axis.plot(by_epoch, [line[f"{part}_{quantity}"] for line in facts], style, color=f"C{i % 10}", label=label)
        axes[2].plot(by_epoch, [line["lr"] for line in facts], color=f"C{i % 10}", label=Path(run).name)
    for axis, title in zip(axes, ("loss", "accuracy", "learning rate"), strict=True):
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8)
    with atomic_write(output) as file:
        figure.savefig(file, format=Path(output).suffix[1:] or "png", dpi=120)


def summary(runs):
    """A table with a line for each run: epochs, best and last test accuracy, time."""
    rows = [("run", "epochs", "last", "best", "of epoch", "training")]
    for run in runs:
        facts = epochs_of(run)
        accuracy = [line.get("averaged_test_accuracy", line["test_accuracy"]) for line in facts]
        best = max(range(len(facts)), key=accuracy.__getitem__)
        minutes = sum(line["seconds"] for line in facts) / 60
        rows.append((str(run), str(len(facts)), f"{accuracy[-1]:.2%}", f"{accuracy[best]:.2%}", str(best + 1), f"{minutes:.1f} min"))
    return aligned(rows, right=range(1, 6))
