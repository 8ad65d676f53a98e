"""F8: the extent of clusters by depth."""

from .depth_measures import CONDITIONS, MEASURES, by_depth, table_1_ratios


def draw(numbers, figure):
    """F8: three measures by depth for the trained network and its controls, and table 1's ratios by module."""
    axes = figure.subplots(2, 2).ravel()
    for axis, (name, measure) in zip(axes, MEASURES.items(), strict=False):
        for style, condition in zip(("o-", "s--", "^:"), CONDITIONS, strict=False):
            values = by_depth(numbers, measure, condition)
            axis.plot(range(1, len(values) + 1), values, style, ms=4, label=condition)
        axis.set(title=name, xlabel="convolution")
    axes[0].legend(fontsize=7)
    ratios = table_1_ratios()
    axes[3].bar(range(1, len(ratios) + 1), ratios)
    axes[3].set(title="table 1: (3x3 + 5x5) / 1x1", xlabel="Inception module")
