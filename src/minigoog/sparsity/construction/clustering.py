"""A sparse layer recovered from its outputs: correlated units are clustered (Arora et al., arXiv 1310.6343, sections 3 and 4).

Units that share a parent fire together: PairwiseGraph relates them, RecoverGraph finds the cluster of each hidden unit (its children
with positive weight), and PartialEncoder computes the hidden code, which is the visible layer of the next step."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ... import kernels
from ...array_types import BoolArray, IntArray
from .random_networks import sums_where

HIGHEST = 0.6  # largest threshold, as a share of the expected count: missing pairs do more harm than extra pairs
SHARE = 0.8  # a member is related to this share of its cluster
MOST_COMMON = 3  # cluster sizes of common neighbours of an edge; the paper's 1.3 is for networks in which chance adds none
SMALLEST, LARGEST = 0.7, 1.3  # sizes accepted for a cluster, relative to the expected size
SAME = 0.5  # clusters with this Jaccard index are duplicates
ENCODE = 0.6  # a hidden unit is on if this share of its cluster is on


def pairs_on(samples: BoolArray) -> IntArray:
    """counts int32 [n, n]: in how many of the binary `samples` [samples, n] two units are on together."""
    counts: IntArray = kernels.cooccurrences(samples[None, None])
    return counts[:, 0, 0]


def valley(counts: IntArray, expected: float) -> float:
    """The threshold between pairs that share a parent, which fire together about `expected` times, and all others: the lowest point
    of the histogram between its two peaks.

    The paper's expected / 3 needs networks far larger: units that share only a grandparent reach it."""
    together = counts[np.triu_indices(len(counts), 1)]
    width = max(1, round(0.05 * expected))
    most = round(1.5 * expected / width)
    bins = np.bincount(together // width, minlength=most + 1)[:most]
    smooth = np.convolve(bins, [1, 1, 1], "same") if width > 1 and most else bins
    middle = round(0.65 * expected / width)
    peak = middle + int(np.argmax(smooth[middle:])) if middle < most else middle
    if peak == middle:  # too few samples, or too dense: one peak hides the other
        return HIGHEST * expected
    low = int(np.argmax(smooth[:middle]))
    between = smooth[low:peak]
    lowest = np.flatnonzero(between == between.min())
    return min(max(float(low + lowest[len(lowest) // 2]) * width, 1.0), HIGHEST * expected)


def pairwise_graph(samples: BoolArray, density: float, threshold: float | None = None) -> BoolArray:
    """related bool [n, n]: PairwiseGraph, units of `samples` [samples, n] that fire together as children of one parent do.

    density: the share of samples in which a hidden unit is on. threshold: as a share of those; by default the histogram's valley."""
    counts, expected = pairs_on(samples), density * len(samples)
    related = counts >= (valley(counts, expected) if threshold is None else threshold * expected)
    np.fill_diagonal(related, False)
    return related


def recover_graph(related: BoolArray, degree: int, generator: Generator) -> BoolArray:
    """clusters bool [n, found]: RecoverGraph, the children of each hidden unit in the graph `related` [n, n].

    degree: how many positive children a hidden unit has. Edges are tried in the order that `generator` draws."""
    edges = np.argwhere(np.triu(related))
    todo, found = related.copy(), []
    for a, b in edges[generator.permutation(len(edges))]:
        if todo[a, b]:
            members = _cluster_of(related, a, b, degree)
            if members is not None:
                todo[np.ix_(members, members)] = False
                found.append(members)
    return merge(found, len(related))


def _cluster_of(related: BoolArray, a: int, b: int, degree: int) -> IntArray | None:
    """The units of the cluster that contains the edge a-b, or None if that is ambiguous."""
    common = related[a] & related[b]
    common[[a, b]] = True
    units = np.flatnonzero(common)
    for _ in range(2):  # the second time without units that were related only by noise
        if not SMALLEST * degree <= len(units) < MOST_COMMON * degree:
            return None
        units = units[related[np.ix_(units, units)].sum(axis=1) >= SHARE * degree - 1]
    fits = SMALLEST * degree <= len(units) < LARGEST * degree
    return units if fits and a in units and b in units else None


def merge(clusters: Sequence[IntArray], n: int) -> BoolArray:
    """clusters bool [n, kept] from lists of units: of those whose Jaccard index is SAME or more the first stays."""
    kept: list[IntArray] = []
    by_unit: list[list[int]] = [[] for _ in range(n)]
    for members in clusters:
        met = np.bincount([k for unit in members for k in by_unit[unit]], minlength=len(kept))
        if not any(met[k] >= SAME * (len(members) + len(kept[k]) - met[k]) for k in np.flatnonzero(met)):
            for unit in members:
                by_unit[unit].append(len(kept))
            kept.append(members)
    found = np.zeros((n, len(kept)), bool)
    for k, members in enumerate(kept):
        found[members, k] = True
    return found


def partial_encoder(samples: BoolArray, clusters: BoolArray, degree: int) -> BoolArray:
    """codes bool [samples, hidden]: PartialEncoder, a hidden unit is on where most of its cluster is on."""
    return sums_where(samples, clusters, lambda sums: sums > ENCODE * degree)
