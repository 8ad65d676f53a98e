"""How well found clusters agree with the true ones."""

from typing import NamedTuple

import numpy as np

from ...array_types import Array, BoolArray, IntArray

GOOD = 0.8  # the Jaccard index from which a cluster counts as recovered


class Match(NamedTuple):
    """For each true unit: the nearest found cluster and its Jaccard index (0 without one)."""

    jaccard: Array
    cluster: IntArray

    @property
    def exact(self) -> float:
        """The share of units whose cluster was found without an error."""
        return float(np.mean(self.jaccard == 1)) if len(self.jaccard) else 0.0

    @property
    def good(self) -> float:
        """The share of units whose cluster was found with a Jaccard index of GOOD or more."""
        return float(np.mean(self.jaccard >= GOOD)) if len(self.jaccard) else 0.0


def jaccard(a: BoolArray, b: BoolArray) -> Array:
    """float64 [m, k]: the Jaccard index (shared / all units) of each column of `a` [n, m] with each of `b` [n, k], both bool."""
    shared = (a.T.astype(np.float32) @ b.astype(np.float32)).astype(np.float64)
    index: Array = shared / np.maximum(a.sum(axis=0)[:, None] + b.sum(axis=0) - shared, 1)
    return index


def match(true: BoolArray, found: BoolArray) -> Match:
    """The Match of clusters `true` [n, m] with clusters `found` [n, k], both bool."""
    if not found.shape[1]:
        return Match(np.zeros(true.shape[1]), np.zeros(true.shape[1], np.int64))
    index = jaccard(true, found)
    return Match(index.max(axis=1), index.argmax(axis=1))


def precision_and_recall(true: BoolArray, found: BoolArray) -> tuple[float, float]:
    """(precision, recall): the share of the found edges that are true, the share of the true edges that were found."""
    both = np.sum(true & found)
    return float(both / max(found.sum(), 1)), float(both / max(true.sum(), 1))
