"""The arguments of the kernels for segments and regions, checked alike for both kinds of kernels."""

from typing import Any

import numpy as np

from ..array_types import IntArray
from ..checks import LARGEST, check_array, check_int, check_real
from .shapes import check_lengths

MOST_PIXELS = (1 << 30) - 1  # of a picture: four edges of each have a number of 32 bits
MOST_VALUES = 256  # of a histogram: values are bytes
PARTS = {"C": 1, "T": 2, "S": 4, "F": 8}  # of a similarity: colour, texture, size, fill; enum mg_similarity
LETTERS = "".join(PARTS)


def check_graph(x: Any, k: Any, min_size: Any) -> tuple[float, int]:
    """(k, min_size) of `graph_segments`."""
    where = "graph_segments"
    check_lengths(where, "x", check_array(where, "x", x, ndim=3).shape)
    if x.shape[0] * x.shape[1] > MOST_PIXELS:
        raise ValueError(f"{where}: `x` has {x.shape[0] * x.shape[1]} pixels, expected at most {MOST_PIXELS}")
    if not np.isfinite(x).all():
        raise ValueError(f"{where}: `x` has values that are not finite, expected finite numbers")
    return check_real(where, "k", k, 0, float(LARGEST)), check_int(where, "min_size", min_size, 0)


def check_histograms(segments: Any, values: Any, n_bins: Any) -> int:
    """The number of segments, of `region_histograms`."""
    where = "region_histograms"
    check_lengths(where, "segments", check_array(where, "segments", segments, ndim=2, dtype=np.int32).shape)
    check_array(where, "values", values, ndim=3, dtype=np.uint8)
    if values.shape[1:] != segments.shape or not len(values):
        raise ValueError(f"{where}: `values` has shape {values.shape}, expected [c, *{segments.shape}]")
    n_bins = check_int(where, "n_bins", n_bins, 1, MOST_VALUES)
    if values.max() >= n_bins:
        raise ValueError(f"{where}: `values` go up to {values.max()}, expected less than `n_bins` {n_bins}")
    low, high = int(segments.min()), int(segments.max())
    if low < 0 or high >= segments.size:
        raise ValueError(f"{where}: `segments` go from {low} to {high}, expected 0 to the number of segments less 1")
    return high + 1


def check_hierarchy(neighbours: Any, sizes: Any, boxes: Any, colours: Any, textures: Any, similarity: Any) -> int:
    """The sum of PARTS that `region_hierarchy` adds up."""
    where = "region_hierarchy"
    check_lengths(where, "sizes", check_array(where, "sizes", sizes, ndim=1, dtype=np.int32).shape)
    check_array(where, "boxes", boxes, dtype=np.int32, shape=(len(sizes), 4))
    if sizes.min() < 1 or sizes.sum(dtype=np.int64) > LARGEST or boxes.min() < 0:
        raise ValueError(f"{where}: `sizes` or `boxes` are negative or too large, expected pixels of a picture")
    for name, counts in (("colours", colours), ("textures", textures)):
        _check_counts(where, name, counts, sizes)
    _check_neighbours(where, neighbours, len(sizes))
    if not isinstance(similarity, str) or not similarity or set(similarity) - set(PARTS) or len(set(similarity)) < len(similarity):
        raise ValueError(f"{where}: `similarity` is {similarity!r}, expected some of the letters {LETTERS}")
    return sum(PARTS[letter] for letter in similarity)


def _check_counts(where: str, name: str, counts: Any, sizes: IntArray) -> None:
    check_lengths(where, name, check_array(where, name, counts, ndim=3, dtype=np.int32).shape)
    if len(counts) != len(sizes):
        raise ValueError(f"{where}: `{name}` has shape {counts.shape}, expected [{len(sizes)}, channels, bins]")
    if counts.min() < 0 or (counts.sum(axis=2, dtype=np.int64) != sizes[:, None]).any():
        raise ValueError(f"{where}: `{name}` do not add up to `sizes`, expected the pixels of each region in each channel")


def _check_neighbours(where: str, neighbours: Any, n: int) -> None:
    pairs = check_array(where, "neighbours", neighbours, ndim=2, dtype=np.int32)
    if pairs.shape[1] != 2:
        raise ValueError(f"{where}: `neighbours` has shape {pairs.shape}, expected [pairs, 2]")
    low, high = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    if len(pairs) and (low.min() < 0 or high.max() >= n or (low >= high).any() or (np.diff(low * n + high) <= 0).any()):
        raise ValueError(f"{where}: `neighbours` are not in order, expected each pair of {n} regions once, the lower number first, sorted")
