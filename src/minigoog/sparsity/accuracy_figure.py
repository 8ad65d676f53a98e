"""F9: accuracy against multiply-adds and against milliseconds."""

from .accuracy_experiment import AXES

COSTS = {"million multiply-adds an image": lambda row: row["multiply_adds"] / 1e6, "milliseconds an image": lambda row: row["ms"]}


def draw(numbers, figure):
    """Two plots with one scale of accuracy; a colour for each network."""
    axes = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(row["network"] for row in numbers["networks"]))
    for ax, (label, cost) in zip(axes, COSTS.items(), strict=True):
        for row in numbers["networks"]:
            filled = row["axis"] == AXES[0]
            colour = f"C{names.index(row['network'])}"
            style = {"marker": "o", "color": colour, "markerfacecolor": colour if filled else "none", "capsize": 3}
            ax.errorbar(cost(row), 100 * row["mean"], 100 * row["deviation"], label=row["network"] if filled else None, **style)
        ax.set_xlabel(label)
    axes[0].set_ylabel("test accuracy, %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
