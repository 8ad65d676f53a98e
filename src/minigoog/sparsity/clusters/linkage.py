"""Average-linkage clustering of units modulo translation: an alternative to RecoverGraph."""

import numpy as np

from ...array_types import Array
from .translated import SAME, SIZES, SMALLEST, Cluster, canonical, overlap

WINDOW = SIZES[-1]


def linkage_clusters(phi: Array, threshold: float) -> list[Cluster]:
    """Clusters of all channels at all places of a 5x5 window, merged while the mean correlation between two is `threshold` or more.

    phi: [c, 9, 9, c], correlations up to 4 pixels apart. Shifted copies of a cluster are left out; the largest stays."""
    c = len(phi)
    units = np.stack([i.ravel() for i in np.meshgrid(np.arange(c), np.arange(WINDOW), np.arange(WINDOW), indexing="ij")], axis=1)
    shift = units[None, :, 1:] - units[:, None, 1:] + WINDOW - 1
    likeness = phi[units[:, None, 0], shift[..., 0], shift[..., 1], units[None, :, 0]].astype(np.float32)
    members = average_linkage(likeness, threshold)
    found = {canonical(units[group]) for group in members if len(group) >= SMALLEST}
    kept: list[Cluster] = []
    for cluster in sorted(found, key=lambda cluster: (-len(cluster), cluster)):
        if not any(overlap(cluster, other) > SAME for other in kept):
            kept.append(cluster)
    return kept


def average_linkage(likeness: Array, threshold: float) -> list[list[int]]:
    """Groups (lists of indices) of `likeness` [n, n]: the two most similar on average are merged until none reach the threshold."""
    likeness, size = likeness.copy(), np.ones(len(likeness), np.float32)
    np.fill_diagonal(likeness, -np.inf)
    groups, best = [[i] for i in range(len(likeness))], likeness.argmax(axis=1) if len(likeness) else []
    while len(groups):
        at = likeness[np.arange(len(groups)), best]
        a = int(at.argmax())
        b = int(best[a])
        if at[a] < threshold:
            break
        _merge_into(likeness, size, a, b)
        groups[a], groups[b] = groups[a] + groups[b], []
        size[a], size[b] = size[a] + size[b], 0
        changed = np.flatnonzero((best == a) | (best == b))
        best[changed] = likeness[changed].argmax(axis=1)
        best[a] = likeness[a].argmax()
        nearer = likeness[:, a] > likeness[np.arange(len(groups)), best]
        best[nearer] = a
    return [group for group in groups if group]


def _merge_into(likeness: Array, size: Array, a: int, b: int) -> None:
    """Row and column a become the mean of those of a and b, weighted by size; those of b become least similar to all."""
    mean = (size[a] * likeness[a] + size[b] * likeness[b]) / (size[a] + size[b])
    mean[[a, b]] = -np.inf
    likeness[a], likeness[:, a] = mean, mean
    likeness[b], likeness[:, b] = -np.inf, -np.inf
