"""F8: the extent of clusters by depth."""

from ...models.googlenet import TABLE_1
from ..runner.demonstration import Figure, Numbers
from .measures import CONDITIONS, MEASURES, by_depth, table_1_ratios


def draw(numbers: Numbers, figure: Figure) -> None:
    """F8: three measures by depth for the trained network and its controls, and table 1's ratios by module."""
    axes = figure.subplots(2, 2).ravel()
    for axis, (name, measure) in zip(axes, MEASURES.items(), strict=False):
        for style, condition in zip(("o-", "s--", "^:"), CONDITIONS, strict=False):
            values = by_depth(numbers, measure, condition)
            axis.plot(range(1, len(values) + 1), values, style, ms=4, label=condition)
        axis.set(title=name, xlabel="convolution", xticks=range(1, len(values) + 1))
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=8, ncols=3, loc="outside lower center")
    axes[3].bar([row[0] for row in TABLE_1], table_1_ratios())
    axes[3].set(title="table 1: (3x3 + 5x5) / 1x1", xlabel="Inception module")
