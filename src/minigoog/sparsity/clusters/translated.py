"""Clusters of correlated units modulo translation: what a convolution's filters would cover (Arora et al. with shared weights).

A unit is a channel at a place, (channel, y, x); relations do not depend on the position. A graph of such units is
related bool [c, 2 radius + 1, 2 radius + 1, c]: related[a, radius + dy, radius + dx, b], channel a at a pixel with b at (dy, dx) from it.
A cluster is a tuple of units, sorted, whose smallest y and x are 0."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ...array_types import Array, BoolArray, IntArray

Unit: TypeAlias = tuple[int, int, int]  # (channel, y, x)
Cluster: TypeAlias = tuple[Unit, ...]
Histogram: TypeAlias = dict[int, int]  # {extent: how many clusters}

SIZES = (1, 3, 5)
SHARE = 0.75  # each unit of a cluster is related to this share of it
SMALLEST = 3  # units of a cluster
ENCODE = 0.6  # a unit belongs to a cluster if it is on at this share of the places where most of the cluster is on
SUPPORT = 0.1  # most of a cluster must be on at this share of the places of its rarest channel
LOOK_AT = 200  # largest number of places to look at
MOST_COMMON = 64  # units related to both ends of an edge: more, and the graph is too dense to tell clusters apart
SAME = 0.5  # clusters whose Jaccard index at the best shift is above this are duplicates


def canonical(units: Iterable[Sequence[Any]] | IntArray) -> Cluster:
    """The cluster of these units, rows of (channel, y, x)."""
    found = [(int(c), int(y), int(x)) for c, y, x in units]
    top, left = min(y for _, y, _ in found), min(x for _, _, x in found)
    return tuple(sorted((c, y - top, x - left) for c, y, x in found))


def extent(cluster: Cluster) -> int:
    """The smallest window of SIZES that covers the cluster; the largest where none does."""
    span = 1 + max(max(unit[1:]) for unit in cluster)
    return next((size for size in SIZES if size >= span), SIZES[-1])


def histogram(clusters: Iterable[Cluster]) -> Histogram:
    """The number of clusters of each extent."""
    extents = [extent(cluster) for cluster in clusters]
    return {size: extents.count(size) for size in SIZES}


def channels_of(cluster: Cluster) -> set[int]:
    """The channels of a cluster, each once."""
    return {unit[0] for unit in cluster}


def overlap(a: Cluster, b: Cluster) -> float:
    """The Jaccard index of two clusters at the shift at which they share most."""
    places: dict[int, list[tuple[int, int]]] = {}
    for c, y, x in b:
        places.setdefault(c, []).append((y, x))
    shifts = [(y - v, x - u) for c, y, x in a for v, u in places.get(c, ())]
    shared = max((shifts.count(shift) for shift in set(shifts)), default=0)
    return shared / (len(a) + len(b) - shared)


def find_clusters(related: BoolArray, maps: BoolArray) -> list[Cluster]:
    """The clusters of the graph `related` of the binary `maps` [n, h, w, c], by RecoverGraph modulo translation.

    Every edge gives the cluster that contains it, and most edges of a true cluster give the same one: clusters given by many edges come
    first. Pairs alone cannot distinguish a cluster from a mixture, whose pairs belong to different clusters, so each is checked against
    the maps (the paper counts triples instead) before a cluster that overlaps it may be left out."""
    planes = np.ascontiguousarray(maps.transpose(3, 0, 1, 2))
    kept: list[Cluster] = []
    for cluster in _candidates(related):
        if not _known(cluster, kept):
            confirmed = confirm(planes, cluster)
            if confirmed and not _known(confirmed, kept):
                kept.append(confirmed)
    return kept


def _known(cluster: Cluster, kept: Sequence[Cluster]) -> bool:
    return any(overlap(cluster, other) > SAME for other in kept)


def _candidates(related: BoolArray) -> list[Cluster]:
    """The clusters that edges of the graph give, those given by the most edges first."""
    radius = related.shape[1] // 2
    votes: Counter[Cluster] = Counter()
    for a, dy, dx, b in _edges(related):
        units = _cluster_of(related, (a, 0, 0), (b, dy - radius, dx - radius))
        if units is not None:
            votes[canonical(units)] += 1
    return sorted(votes, key=lambda cluster: (-votes[cluster], -len(cluster), cluster))


def confirm(planes: BoolArray, cluster: Cluster) -> Cluster | None:
    """The units that are on where most of the cluster is, within the largest window, in `planes` bool [c, n, h, w]; None if that is
    too rare, or if there are fewer than SMALLEST."""
    places = _places(planes, cluster)
    rarest = min(int(np.count_nonzero(planes[c])) for c in channels_of(cluster))
    if len(places) < max(SUPPORT * rarest, 1):
        return None
    places = places[:: -(-len(places) // LOOK_AT)]
    bottom, right = (max(unit[axis] for unit in cluster) for axis in (1, 2))
    units = [(c, y, x) for y in range(bottom - SIZES[-1] + 1, SIZES[-1]) for x in range(right - SIZES[-1] + 1, SIZES[-1])
             for c in np.flatnonzero(_share_on(planes, places, y, x) >= ENCODE)]
    return canonical(units) if len(units) >= SMALLEST else None


def _places(planes: BoolArray, cluster: Cluster) -> IntArray:
    """Where [k, 3] (image, y, x) most of the cluster is on."""
    h, w = planes.shape[2] - max(unit[1] for unit in cluster), planes.shape[3] - max(unit[2] for unit in cluster)
    on = np.zeros((planes.shape[1], max(h, 0), max(w, 0)), np.uint8)
    for c, y, x in cluster:
        on += planes[c, :, y : y + h, x : x + w]
    return np.argwhere(on >= SHARE * len(cluster))


def _share_on(planes: BoolArray, places: IntArray, dy: int, dx: int) -> Array:
    """The share of the places, shifted by (dy, dx), at which each channel is on: [c]."""
    image, y, x = places[:, 0], places[:, 1] + dy, places[:, 2] + dx
    inside = (y >= 0) & (y < planes.shape[2]) & (x >= 0) & (x < planes.shape[3])
    share: Array = planes[:, image[inside], y[inside], x[inside]].sum(axis=1) / max(np.count_nonzero(inside), 1)
    return share


def _edges(related: BoolArray) -> IntArray:
    """The edges [k, 4] of the graph, each from one of its ends."""
    radius = related.shape[1] // 2
    edges: IntArray = np.argwhere(related)
    dy, dx, dc = edges[:, 1] - radius, edges[:, 2] - radius, edges[:, 3] - edges[:, 0]
    one_way: IntArray = edges[(dy > 0) | (dy == 0) & ((dx > 0) | (dx == 0) & (dc > 0))]
    return one_way


def _cluster_of(related: BoolArray, a: Unit, b: Unit) -> IntArray | None:
    """The units [k, 3] of the cluster that contains the edge a-b, or None if that is ambiguous."""
    common = related[a[0]] & _moved(related[b[0]], b[1], b[2])
    if common.sum() + 2 > MOST_COMMON:
        return None
    dy, dx, c = np.nonzero(common)
    radius = related.shape[1] // 2
    units = np.concatenate([[a, b], np.stack([c, dy - radius, dx - radius], axis=1)])
    inside = _among(related, units)
    while len(units) >= SMALLEST:
        worst = int(np.argmin(inside.sum(axis=1)))
        if inside[worst].sum() >= SHARE * (len(units) - 1):
            return units
        if worst < 2:  # an end of the edge itself
            return None
        units = np.delete(units, worst, axis=0)
        inside = np.delete(np.delete(inside, worst, axis=0), worst, axis=1)
    return None


def _moved(window: BoolArray, dy: int, dx: int) -> BoolArray:
    """A window [side, side, c] around (dy, dx) as seen from (0, 0): False where it does not reach."""
    seen, side = np.zeros_like(window), len(window)
    rows, cols = (slice(max(0, d), side + min(0, d)) for d in (dy, dx))
    from_rows, from_cols = (slice(max(0, -d), side + min(0, -d)) for d in (dy, dx))
    seen[rows, cols] = window[from_rows, from_cols]
    return seen


def _among(related: BoolArray, units: IntArray) -> BoolArray:
    """Which of the units [k, 3] are related: bool [k, k]."""
    radius = related.shape[1] // 2
    a, dy, dx, b = _pairs(units, radius)
    inside: BoolArray = _near(units, radius) & related[a, np.clip(dy, 0, 2 * radius), np.clip(dx, 0, 2 * radius), b]
    return inside


def _near(units: IntArray, radius: int) -> BoolArray:
    """Which of the units [k, 3] are at most `radius` pixels apart: bool [k, k]."""
    near: BoolArray = np.all(np.abs(units[None, :, 1:] - units[:, None, 1:]) <= radius, axis=2)
    return near


def _pairs(units: IntArray, radius: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Indices [k, k] into a graph of all pairs of units [k, 3]; those that are too far apart lie outside."""
    shift = units[None, :, 1:] - units[:, None, 1:] + radius
    k = len(units)
    return np.broadcast_to(units[:, None, 0], (k, k)), shift[..., 0], shift[..., 1], np.broadcast_to(units[None, :, 0], (k, k))
