"""F9: accuracy against multiply-adds and against milliseconds."""

from collections.abc import Callable
from typing import Any

from ..runner.demonstration import Figure, Numbers
from .experiment import AXES

COSTS: dict[str, Callable[[Numbers], float]] = {
    "million multiply-adds an image": lambda row: float(row["multiply_adds"] / 1e6),
    "milliseconds an image": lambda row: float(row["ms"]),
}
MARKERS = "osD^vPX*<>"


def draw(numbers: Numbers, figure: Figure) -> None:
    """Two plots with one scale of accuracy; a colour and a marker for each network, and a line from one budget to the other."""
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (label, cost) in zip(axes, COSTS.items(), strict=True):
        for i, name in enumerate(dict.fromkeys(row["network"] for row in numbers["networks"])):
            rows = [row for row in numbers["networks"] if row["network"] == name]
            ax.plot(list(map(cost, rows)), [100 * row["mean"] for row in rows], color=f"C{i}", linewidth=1, alpha=0.5)
            for row in rows:
                _point(ax, cost(row), row, f"C{i}", MARKERS[i])
        ax.set_xlabel(label)
    axes[0].set_ylabel("test accuracy, %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)


def _point(ax: Any, x: float, row: Numbers, colour: str, marker: str) -> None:
    """Mean and spread of one network at one budget."""
    filled = row["axis"] == AXES[0]
    style = {"fmt": marker, "color": colour, "markerfacecolor": colour if filled else "none", "capsize": 3, "linewidth": 1}
    ax.errorbar(x, 100 * row["mean"], 100 * row["deviation"], label=row["network"] if filled else None, **style)
