"""Segments of a picture, and the hierarchy in which they merge (selective search), as loops over edges and pairs."""

import numpy as np

from ...array_types import Array, IntArray
from ..region_checks import check_graph, check_hierarchy, check_histograms

RIGHT, BELOW_LEFT, BELOW, BELOW_RIGHT = (0, 1), (1, -1), (1, 0), (1, 1)


def graph_segments(x: Array, k: float, min_size: int) -> IntArray:
    """int32 [h, w]: the number of the segment of each pixel of a picture `x` [h, w, c], counted in the order of first pixels.

    Pixels are joined to their 8 neighbours by edges, as heavy (in float32) as their values differ (L2). Over the edges from the lightest
    on, two segments merge if the edge is not heavier than w + k / n of either, w their heaviest edge inside and n their pixels; then those
    with fewer than `min_size` pixels merge with a neighbour. (Felzenszwalb and Huttenlocher, IJCV 2004)"""
    k, min_size = check_graph(x, k, min_size)
    edges, weights = _edges(x.astype(np.float32))
    pixels = x.shape[0] * x.shape[1]
    parents, sizes, limits = list(range(pixels)), [1] * pixels, [np.float32(k)] * pixels
    order = np.argsort(weights, kind="stable")
    for (a, b), weight in zip(edges[order].tolist(), weights[order], strict=True):
        a, b = _root(parents, a), _root(parents, b)
        if a != b and weight <= limits[a] and weight <= limits[b]:
            parents[b] = a
            sizes[a] += sizes[b]
            limits[a] = weight + np.float32(k) / np.float32(sizes[a])
    for a, b in edges[order].tolist():
        a, b = _root(parents, a), _root(parents, b)
        if a != b and min(sizes[a], sizes[b]) < min_size:
            parents[b] = a
            sizes[a] += sizes[b]
    roots = np.array([_root(parents, pixel) for pixel in range(pixels)])
    return _numbered(roots).reshape(x.shape[:2])


def _edges(x: Array) -> tuple[IntArray, Array]:
    """(pixels int64 [n, 2], weights float32 [n]) in the order of the first pixels, and of the directions."""
    h, w, _ = x.shape
    pixel = np.arange(h * w).reshape(h, w)
    found = []
    for direction, (down, right) in enumerate((RIGHT, BELOW_LEFT, BELOW, BELOW_RIGHT)):
        here = np.s_[: h - down, max(0, -right) : w - max(0, right)]
        there = np.s_[down:, max(0, right) : w + min(0, right)]
        weights = np.sqrt(np.sum((x[here] - x[there]).astype(np.float64) ** 2, axis=2)).astype(np.float32)
        found.append((pixel[here].ravel() * 4 + direction, pixel[there].ravel(), weights.ravel()))
    keys, others, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(keys)
    return np.stack([keys // 4, others], axis=1)[order], weights[order]


def _root(parents: list[int], pixel: int) -> int:
    while parents[pixel] != pixel:
        parents[pixel] = pixel = parents[parents[pixel]]
    return pixel


def _numbered(roots: IntArray) -> IntArray:
    """The roots as numbers in the order in which they first appear."""
    _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)


def region_histograms(segments: IntArray, values: IntArray, n_bins: int) -> IntArray:
    """int32 [segments, c, n_bins]: how many pixels of each segment (int32 [h, w]) have each value, below `n_bins`, in each plane of
    `values` uint8 [c, h, w]."""
    n, c = check_histograms(segments, values, n_bins), len(values)
    places = (segments * c + np.arange(c)[:, None, None]) * n_bins + values
    return np.bincount(places.ravel(), minlength=n * c * n_bins).astype(np.int32).reshape(n, c, n_bins)


def region_hierarchy(
    neighbours: IntArray, sizes: IntArray, boxes: IntArray, colours: IntArray, textures: IntArray, similarity: str = "CTSF"
) -> tuple[IntArray, IntArray, Array]:
    """(merged int32 [m, 2], boxes int32 [n + m, 4], similarities float32 [m]): merge i makes region n + i of the two most similar
    neighbours; of equal pairs, of the one with the lowest numbers.

    neighbours int32 [pairs, 2], each pair once and in order; sizes int32 [n] in pixels; boxes int32 [n, 4]: left, top, right, bottom;
    colours and textures int32 [n, channels, bins]: histograms. similarity: the sum of colour C, texture T, size S and fill F."""
    check_hierarchy(neighbours, sizes, boxes, colours, textures, similarity)
    regions = [(float(sizes[i]), boxes[i], colours[i].astype(float), textures[i].astype(float)) for i in range(len(sizes))]
    pixels = float(sizes.sum(dtype=np.int64))
    pairs = {(a, b): _similarity(regions[a], regions[b], pixels, similarity) for a, b in neighbours.tolist()}
    merged: list[tuple[int, int]] = []
    similarities: list[float] = []
    while pairs:
        a, b = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merged.append((a, b))
        similarities.append(pairs[a, b])
        (size_a, box_a, *of_a), (size_b, box_b, *of_b) = regions[a], regions[b]
        box = np.concatenate([np.minimum(box_a, box_b)[:2], np.maximum(box_a, box_b)[2:]])
        regions.append((size_a + size_b, box, of_a[0] + of_b[0], of_a[1] + of_b[1]))
        others = {region for pair in pairs if {a, b} & set(pair) for region in pair} - {a, b}
        pairs = {pair: value for pair, value in pairs.items() if not {a, b} & set(pair)}
        new = len(regions) - 1
        pairs |= {(other, new): _similarity(regions[new], regions[other], pixels, similarity) for other in others}
    all_boxes = np.stack([box for _, box, *_ in regions])
    return np.array(merged, np.int32).reshape(-1, 2), all_boxes, np.array(similarities, np.float32)


def _similarity(a: tuple[float, IntArray, Array, Array], b: tuple[float, IntArray, Array, Array], pixels: float, parts: str) -> float:
    """The sum of the parts, in the order of CTSF; histograms are counts, so that sums are exact."""
    (size_a, box_a, *of_a), (size_b, box_b, *of_b) = a, b
    total = 0.0
    for part, in_a, in_b in zip("CT", of_a, of_b, strict=True):
        if part in parts:
            total += float(np.minimum(in_a * size_b, in_b * size_a).sum()) / (size_a * size_b * len(in_a))
    if "S" in parts:
        total += 1 - (size_a + size_b) / pixels
    if "F" in parts:
        sides = np.maximum(box_a, box_b)[2:].astype(float) - np.minimum(box_a, box_b)[:2]
        total += 1 - (float(sides[0] * sides[1]) - size_a - size_b) / pixels
    return total
