"""How concentrated the clusters of a layer are, and whether that changes with depth."""

import math
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np

from ...models.googlenet import TABLE_1
from ..clusters.translated import SIZES
from ..runner.demonstration import Numbers, Rows

Measure: TypeAlias = Callable[[Numbers], float]  # a number of one layer; larger means less concentrated

CONDITIONS = ("trained", "phase-scrambled images", "random weights", "shuffled channels")
METHODS = ("RecoverGraph", "average linkage", "RecoverGraph, own neighbours too")  # the last fails its control: channels stay smooth


def counts(clusters: Rows) -> dict[int, int]:
    """{extent: how many clusters}."""
    return {size: sum(cluster["extent"] == size for cluster in clusters) for size in SIZES}


def mean_extent(clusters: Rows) -> float:
    """The mean extent of clusters, weighted by their units; NaN without clusters."""
    units = sum(cluster["units"] for cluster in clusters)
    return sum(cluster["extent"] * cluster["units"] for cluster in clusters) / units if units else float("nan")


def spread(row: Numbers) -> float:
    """How far correlation between channels reaches: mean phi^2 per position at distance 2, as a share of that at distance 0."""
    at = row["rings"]["cross"]
    return at[2] / at[0] if at[0] else float("nan")


def trend(values: Iterable[float]) -> float:
    """Spearman's rank correlation of values with their order, ignoring NaN: 1 if they only rise. 0 for fewer than 3 values."""
    values = np.array([value for value in values if np.isfinite(value)])
    if len(values) < 3 or np.ptp(values) == 0:
        return 0.0
    ranks = [np.mean(np.flatnonzero(np.sort(values) == value)) for value in values]
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])


MEASURES: dict[str, Measure] = {
    "reach of correlation": spread,
    "extent (RecoverGraph)": lambda row: mean_extent(row["clusters"][METHODS[0]]),
    "extent (average linkage)": lambda row: mean_extent(row["clusters"][METHODS[1]]),
}


def by_depth(numbers: Numbers, measure: Measure, condition: str) -> list[float]:
    """The mean over the networks of a measure for each layer; NaN where no network has one."""
    layers = zip(*(network["layers"][condition] for network in numbers["networks"]), strict=True)
    return [finite_mean(map(measure, rows)) for rows in layers]


def finite_mean(values: Iterable[float]) -> float:
    """The mean of the finite values; NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def table_1_ratios() -> list[float]:
    """(3x3 + 5x5) / 1x1 output channels of GoogLeNet's nine modules."""
    return [(n3 + n5) / n1 for _, _, n1, _, n3, _, n5, _ in TABLE_1]
