"""Spectral co-clustering: rows and columns of a matrix in clusters of their own, so that what is not zero gathers in blocks.

After Dhillon 2001, "Co-clustering documents and words using bipartite spectral graph partitioning" (KDD)."""

import numpy as np

MOST = 16  # clusters that are looked for
RESTARTS, STEPS = 8, 50  # of k-means


def co_clusters(a, n=None, seed=0):
    """(cluster of each row, cluster of each column) of the matrix `a` [rows, columns] of weights >= 0, in `n` clusters.

    n None: as many as there are singular values before the widest gap among the first MOST + 1."""
    rows, columns = (1 / np.sqrt(np.maximum(a.sum(axis=axis), 1e-12)) for axis in (1, 0))
    u, s, vt = np.linalg.svd(rows[:, None] * a * columns, full_matrices=False)
    n = n or 2 + int(np.argmax(s[1:MOST] - s[2 : MOST + 1]))
    points = np.vstack([rows[:, None] * u[:, 1:n], columns[:, None] * vt[1:n].T])
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)  # directions: rows with few weights lie far out
    labels = k_means(points, n, np.random.default_rng(seed))
    return labels[: len(a)], labels[len(a) :]


def k_means(points, n, rng):
    """The cluster of each of `points` [count, dimensions]: Lloyd's algorithm from k-means++ centres, the best of RESTARTS."""
    best, labels = np.inf, None
    for _ in range(RESTARTS):
        found, spread = _lloyd(points, _first_centres(points, n, rng))
        if spread < best:
            best, labels = spread, found
    return labels


def _first_centres(points, n, rng):
    """Points far from each other: each drawn by its squared distance to the nearest one so far. (Arthur, Vassilvitskii 2007)"""
    centres = points[rng.integers(len(points))][None]
    while len(centres) < n:
        distance = _distances(points, centres).min(axis=1) + 1e-12
        centres = np.vstack([centres, points[rng.choice(len(points), p=distance / distance.sum())]])
    return centres


def _lloyd(points, centres):
    """(cluster of each point, sum of squared distances) after STEPS steps, or once the centres stand still."""
    for _ in range(STEPS):
        labels = _distances(points, centres).argmin(axis=1)
        moved = np.array([points[labels == i].mean(axis=0) if np.any(labels == i) else c for i, c in enumerate(centres)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    return labels, _distances(points, centres)[np.arange(len(points)), labels].sum()


def _distances(points, centres):
    """Squared distance of each point to each centre."""
    return np.square(points[:, None] - centres).sum(axis=2)


def planted(rng, inside, outside, shape, n=8):
    """(mask [rows, columns], cluster of each row, of each column): n hidden blocks of density `inside` in a matrix of density `outside`,
    rows and columns shuffled."""
    row, column = (rng.permutation(np.arange(size) * n // size) for size in shape)
    density = np.where(row[:, None] == column, inside, outside)
    return rng.random(shape) < density, row, column


def agreement(found, hidden):
    """The share of items whose found cluster is that in which most of their hidden cluster lies, clusters matched greedily, each once."""
    counts = np.zeros((found.max() + 1, hidden.max() + 1))
    np.add.at(counts, (found, hidden), 1)
    total = 0
    for _ in range(min(counts.shape)):
        i, j = np.unravel_index(counts.argmax(), counts.shape)
        total += counts[i, j]
        counts[i], counts[:, j] = -1, -1
    return float(total / len(found))


def greedy_groups(mask, size=8):
    """An order of the rows of `mask` in which `size` neighbours share many columns: each group starts with a row and takes, one at a time,
    the row that adds fewest columns."""
    left, order = list(range(len(mask))), []
    while left:
        union = mask[left[0]].copy()
        order.append(left.pop(0))
        for _ in range(min(size - 1, len(left))):
            added = (mask[left] & ~union).sum(axis=1) - 1e-6 * mask[left].sum(axis=1)  # of equals the fullest
            order.append(left.pop(int(added.argmin())))
            union |= mask[order[-1]]
    return np.array(order)


def fill(mask, size=8):
    """The share of weights in the blocks of `size` neighbouring rows that hold all of `mask` [rows, columns]."""
    kept = mask.reshape(-1, size, mask.shape[1]).any(axis=1).sum() * size
    return float(mask.sum() / kept)
