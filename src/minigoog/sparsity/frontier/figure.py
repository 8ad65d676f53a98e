"""Accuracy against density and against milliseconds."""

from ...figures import Figure
from ..runner.demonstration import Numbers


def draw(numbers: Numbers, figure: Figure) -> None:
    """A plot for the density, and one for the time of each size of batch; a line through what is pruned in one step, points beside it."""
    batches = list(numbers["points"][0]["ms"])
    axes = figure.subplots(1, 1 + len(batches), sharey=True, squeeze=False)[0]
    labels = ["density", *(f"ms of a plan, batch {batch}" for batch in batches)]
    for i, (ax, label) in enumerate(zip(axes, labels, strict=True)):
        rows = [(p["density"] if i == 0 else p["ms"][batches[i - 1]]["ms"], 100 * p["accuracy"], p) for p in numbers["points"]]
        line = sorted((x, y) for x, y, p in rows if p["in_one_step"] or p is numbers["points"][0])
        ax.plot(*zip(*line, strict=True), "o-", label="pruned in one step")
        for x, y, p in rows:
            if not p["in_one_step"]:
                ax.plot([x], [y], "s")
                ax.annotate(p["name"], (x, y), textcoords="offset points", xytext=(4, -10), fontsize=8)
        ax.set_xlabel(label)
        ax.grid(alpha=0.25)
    axes[0].set_ylabel("test accuracy, %")
    axes[0].legend(frameon=False)
