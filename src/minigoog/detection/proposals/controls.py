"""Proposals that do not look at the picture: what selective search has to beat."""

from collections.abc import Sequence

import numpy as np

from ...array_types import Array
from ...checks import check_int
from ..annotations.dataset import Objects

SIDES = (40, 68, 96, 128, 172, 220)  # pixels
STEP = 1 / 3  # of a side
ROUNDS = 100  # of k-means


def square_grid(height: int, width: int, sides: Sequence[float] = SIDES, step: float = STEP) -> Array:
    """Squares float64 [n, 4] of these sides, `step` sides apart, over a picture; the largest ones first."""
    found = []
    for side in sorted(sides, reverse=True):
        tops, lefts = (np.arange(0, max(n - side, 0) + 1, side * step) for n in (height, width))
        corners = np.stack(np.meshgrid(lefts, tops), axis=-1).reshape(-1, 2)
        found.append(np.concatenate([corners, corners + side], axis=1))
    return np.concatenate([np.zeros((0, 4)), *found])


def priors(objects: Sequence[Objects], sizes: Sequence[tuple[int, int]], k: int, seed: int = 0) -> Array:
    """`k` boxes [k, 4] in parts of a picture's width and height: the centres of k-means over the boxes of training pictures, the centre of
    the most boxes first. sizes: (height, width) of each picture. (Erhan et al., "Scalable Object Detection", 2013)"""
    x = _parts("priors", objects, sizes)
    return _k_means(x, check_int("priors", "k", k, 1, len(x)), np.random.default_rng(check_int("priors", "seed", seed, 0)))


def prior_sides(objects: Sequence[Objects], sizes: Sequence[tuple[int, int]], k: int, seed: int = 0) -> Array:
    """At most `k` sizes [k, 2] (width, height) in parts of a picture's: the centres of k-means over the logarithms of the sides of training
    boxes, so that small ones have their own, however few they are."""
    x = _parts("prior_sides", objects, sizes)
    logs = np.log(np.maximum(x[:, 2:] - x[:, :2], 1e-6))
    return np.exp(_k_means(logs, min(check_int("prior_sides", "k", k, 1), len(x)), np.random.default_rng(seed)))


def _parts(where: str, objects: Sequence[Objects], sizes: Sequence[tuple[int, int]]) -> Array:
    """All boxes [n, 4] in parts of their pictures."""
    parts = [each.boxes / np.array([w, h, w, h], float) for each, (h, w) in zip(objects, sizes, strict=True)]
    if not (x := np.concatenate([np.zeros((0, 4)), *parts])).size:
        raise ValueError(f"{where}: `objects` are none, expected boxes to learn from")
    return x


def _k_means(x: Array, k: int, generator: np.random.Generator) -> Array:
    centres = x[generator.choice(len(x), k, replace=False)]
    nearest = np.full(len(x), -1)
    for _ in range(ROUNDS):
        before, nearest = nearest, _distances(x, centres).argmin(axis=1)
        if np.array_equal(before, nearest):
            break
        counts = np.bincount(nearest, minlength=k)
        sums = np.stack([np.bincount(nearest, x[:, i], k) for i in range(x.shape[1])], axis=1)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return np.asarray(centres[np.argsort(-np.bincount(nearest, minlength=k), kind="stable")])


def _distances(x: Array, centres: Array) -> Array:
    """[n, k]: squared distances, without what is equal in a row."""
    return np.asarray((centres**2).sum(axis=1) - 2 * x @ centres.T)
