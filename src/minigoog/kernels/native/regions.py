"""Segments of a picture, and the hierarchy in which they merge (csrc/segments.c, csrc/regions.c)."""

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, IntArray
from ..region_checks import check_graph, check_hierarchy, check_histograms
from . import machine, workspace
from .pointers import check_float32, dense


def graph_segments(x: Array, k: float, min_size: int) -> IntArray:
    """int32 [h, w]: the number of the segment of each pixel of a picture `x` float32 [h, w, c], counted in the order of first pixels.

    k and min_size as in the reference. (Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004)"""
    where = "graph_segments"
    check_float32(where, "x", x)
    k, min_size = check_graph(x, k, min_size)
    graph, now = ffi.new("struct mg_graph *", (*x.shape, k, min_size)), machine.current()
    scratch = workspace.empty((lib.mg_graph_segments_scratch(graph, now),), np.uint64)
    labels = np.empty(x.shape[:2], np.int32)
    lib.mg_graph_segments(graph, dense(where, "x", x), ffi.from_buffer("int32_t[]", labels), ffi.from_buffer("uint64_t[]", scratch), now)
    return labels


def region_histograms(segments: IntArray, values: IntArray, n_bins: int) -> IntArray:
    """int32 [segments, c, n_bins]: how many pixels of each segment (int32 [h, w]) have each value, below `n_bins`, in each plane of
    `values` uint8 [c, h, w]."""
    where, n = "region_histograms", check_histograms(segments, values, n_bins)
    counts = np.empty((n, len(values), n_bins), np.int32)
    geometry = ffi.new("struct mg_histograms *", (segments.size, len(values), n_bins, n))
    of_pixels = dense(where, "segments", segments, "int32_t[]"), dense(where, "values", values, "uint8_t[]")
    lib.mg_region_histograms(geometry, *of_pixels, ffi.from_buffer("int32_t[]", counts), machine.current())
    return counts


def region_hierarchy(
    neighbours: IntArray, sizes: IntArray, boxes: IntArray, colours: IntArray, textures: IntArray, similarity: str = "CTSF"
) -> tuple[IntArray, IntArray, Array]:
    """(merged int32 [m, 2], boxes int32 [n + m, 4], similarities float32 [m]): merge i makes region n + i of the most similar neighbours.

    The arguments are those of the reference. (Uijlings et al., "Selective Search for Object Recognition", IJCV 2013)"""
    parts, n, now = check_hierarchy(neighbours, sizes, boxes, colours, textures, similarity), len(sizes), machine.current()
    (_, c, c_bins), (_, t, t_bins) = colours.shape, textures.shape
    geometry = ffi.new("struct mg_hierarchy *", (n, len(neighbours), c, c * c_bins, t, t * t_bins, parts))
    grown = [_with_room(a) for a in (sizes, boxes, colours, textures)]
    regions = ffi.new("struct mg_regions *", [ffi.from_buffer("int32_t[]", a) for a in grown])
    merged, similarities = np.empty((n - 1, 2), np.int32), np.empty(n - 1, np.float32)
    scratch = workspace.empty((lib.mg_region_hierarchy_scratch(geometry, now),), np.float64)
    pointers = [dense("region_hierarchy", "neighbours", np.ascontiguousarray(neighbours), "int32_t[]"), regions,
                *(ffi.from_buffer(kind, a) for kind, a in (("int32_t[]", merged), ("float[]", similarities), ("double[]", scratch)))]
    m = lib.mg_region_hierarchy(geometry, *pointers, now)
    return merged[:m].copy(), grown[1][: n + m].copy(), similarities[:m].copy()


def _with_room(a: IntArray) -> IntArray:
    """The rows of `a`, and room for those of the regions that merging makes."""
    grown = workspace.empty((2 * len(a) - 1, *a.shape[1:]), np.int32)
    grown[: len(a)] = a
    return np.asarray(grown, np.int32)
