"""The steps of selective search as pictures: the first segments, and the regions after some of the merges."""

import numpy as np
from numpy.typing import NDArray

from ...array_types import IntArray
from ...checks import check_int
from ..proposals import Hierarchy


def segments_in_colours(labels: IntArray, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [h, w, 3]: each segment of `labels` [h, w] in the mean colour of its pixels."""
    flat, n = labels.ravel(), int(labels.max()) + 1
    sums = np.stack([np.bincount(flat, image[..., i].ravel(), n) for i in range(3)], axis=1)
    means = sums / np.maximum(np.bincount(flat, minlength=n), 1)[:, None]
    return np.asarray(np.round(means).astype(np.uint8)[labels])


def regions_at(hierarchy: Hierarchy, merges: int) -> IntArray:
    """int64 [h, w]: the number of the region of each pixel after so many merges; numbers as in `merged`."""
    n = len(hierarchy.regions.sizes)
    merges = check_int("regions_at", "merges", merges, 0, len(hierarchy.merged))
    regions = np.arange(n + merges)
    for i in range(merges - 1, -1, -1):  # from the top down, so that each region knows where its own one ends
        regions[hierarchy.merged[i]] = regions[n + i]
    return np.asarray(regions[hierarchy.regions.labels])
