"""Precision-recall curves as a figure (extra `plots`)."""

import os

import numpy as np

from ... import figures
from ...text import printable, shortened
from ..measuring import Evaluation
from ..measuring.precision import envelope

MOST = 10  # classes with a name in the figure


def precision_recall(result: Evaluation, output: str | os.PathLike[str]) -> None:
    """Draws the curve of each class that has objects, and its envelope, from which average precision is computed."""
    figure = figures.new(7, 5)
    axes = figure.add_subplot()
    for i, each in enumerate(each for each in result.classes if each.ap is not None):
        name = shortened(printable(each.name), 30).replace("$", r"\$")
        recall, precision = np.append(0, each.recall), np.append(each.precision[:1], each.precision)
        if not len(each.recall):
            continue
        (line,) = axes.plot(recall, precision, alpha=0.5, linewidth=1)
        axes.step(recall, envelope(precision), where="pre", color=line.get_color(), label=f"{name} {each.ap:.3f}" if i < MOST else None)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision", title=f"{result.title}: mAP {result.map or 0:.3f}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", fontsize=8)
    figures.save(figure, output, dpi=120)
