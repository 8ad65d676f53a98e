"""Spectral co-clustering: clusters of rows and clusters of columns of a matrix, so that non-zero values gather in blocks.

After Dhillon 2001, "Co-clustering documents and words using bipartite spectral graph partitioning" (KDD)."""

import numpy as np
from numpy.random import Generator

from ...array_types import Array, BoolArray, IntArray, Shape

MOST = 16  # largest number of clusters
RESTARTS, STEPS = 8, 50  # of k-means


def co_clusters(a: Array, n: int | None = None, seed: int = 0) -> tuple[IntArray, IntArray]:
    """(cluster of each row, cluster of each column) of the matrix `a` [rows, columns] of weights >= 0, in `n` clusters.

    n None: the number of singular values before the largest gap among the first MOST. Empty rows and columns get any cluster."""
    rows, columns = a.sum(axis=1), a.sum(axis=0)
    row_scale, column_scale = _inverse_root(rows), _inverse_root(columns)
    # The first pair of singular vectors is known and carries no information. It is subtracted here, not dropped from the result: with
    # separate blocks several singular values are 1, and rounding decides how the SVD mixes their vectors.
    first = np.sqrt(np.outer(rows, columns)) / max(a.sum(), np.finfo(float).tiny)
    u, s, vt = np.linalg.svd(row_scale[:, None] * a * column_scale - first, full_matrices=False)
    n = n or 2 + int(np.argmax(-np.diff(s[:MOST])))
    points = np.vstack([row_scale[:, None] * u[:, : n - 1], column_scale[:, None] * vt[: n - 1].T])
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)  # directions only: rows with few weights would lie far out
    labels = k_means(points, n, np.random.default_rng(seed))
    return labels[: len(a)], labels[len(a) :]


def _inverse_root(sums: Array) -> Array:
    """1 / sqrt(sums), and 0 for 0."""
    return np.divide(1, np.sqrt(sums), out=np.zeros(len(sums)), where=sums > 0)


def k_means(points: Array, n: int, rng: Generator) -> IntArray:
    """The cluster of each of `points` [count, dimensions]: Lloyd's algorithm from k-means++ centres, the best of RESTARTS."""
    found = [_lloyd(points, _first_centres(points, n, rng)) for _ in range(RESTARTS)]
    return min(found, key=lambda labels_and_spread: labels_and_spread[1])[0]


def _first_centres(points: Array, n: int, rng: Generator) -> Array:
    """k-means++: points drawn with probability proportional to the squared distance to the nearest so far. (Arthur, Vassilvitskii 2007)"""
    centres: Array = points[rng.integers(len(points))][None]
    while len(centres) < n:
        distance = _distances(points, centres).min(axis=1) + 1e-12
        centres = np.vstack([centres, points[rng.choice(len(points), p=distance / distance.sum())]])
    return centres


def _lloyd(points: Array, centres: Array) -> tuple[IntArray, float]:
    """(cluster of each point, sum of squared distances) after STEPS steps, or once the centres no longer move."""
    for _ in range(STEPS):
        labels = _distances(points, centres).argmin(axis=1)
        moved = np.array([points[labels == i].mean(axis=0) if np.any(labels == i) else c for i, c in enumerate(centres)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    return labels, _distances(points, centres)[np.arange(len(points)), labels].sum()


def _distances(points: Array, centres: Array) -> Array:
    """Squared distance of each point to each centre."""
    distances: Array = np.square(points[:, None] - centres).sum(axis=2)
    return distances


def planted(rng: Generator, inside: float, outside: float, shape: Shape, n: int = 8) -> tuple[BoolArray, IntArray, IntArray]:
    """(mask [rows, columns], cluster of each row, of each column): n hidden blocks of density `inside` in a matrix of density `outside`,
    rows and columns shuffled."""
    row, column = (rng.permutation(np.arange(size) * n // size) for size in shape)
    density = np.where(row[:, None] == column, inside, outside)
    return rng.random(shape) < density, row, column


def agreement(found: IntArray, hidden: IntArray) -> float:
    """The share of items whose found cluster is the one matched with their hidden cluster, by greedy one-to-one matching."""
    counts = np.zeros((found.max() + 1, hidden.max() + 1))
    np.add.at(counts, (found, hidden), 1)
    total = 0
    for _ in range(min(counts.shape)):
        i, j = np.unravel_index(counts.argmax(), counts.shape)
        total += counts[i, j]
        counts[i], counts[:, j] = -1, -1
    return float(total / len(found))


def greedy_groups(mask: BoolArray, size: int = 8) -> IntArray:
    """An order of the rows of `mask` in which `size` neighbours share many columns: each group starts with a row and then takes the row
    that adds the fewest columns, one at a time."""
    left, order = list(range(len(mask))), []
    while left:
        union = mask[left[0]].copy()
        order.append(left.pop(0))
        for _ in range(min(size - 1, len(left))):
            added = (mask[left] & ~union).sum(axis=1) - 1e-6 * mask[left].sum(axis=1)  # ties: the fullest
            order.append(left.pop(int(added.argmin())))
            union |= mask[order[-1]]
    return np.array(order)


def fill(mask: BoolArray, size: int = 8) -> float:
    """The share of weights in the blocks of `size` neighbouring rows that hold all of `mask` [rows, columns]."""
    kept = mask.reshape(-1, size, mask.shape[1]).any(axis=1).sum() * size
    return float(mask.sum() / kept)
