"""Filters that decorrelate the pixels of small patches: a first layer that needs no training."""

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FLOOR = 0.02  # added to the variances, so that weak components, which are noise, are not as loud as the others


def whitening_filters(images: Iterable[NDArray[np.float32]], size: int, most: int) -> NDArray[np.float32]:
    """Filters HWIO [size, size, c, 2 * n]: the n first principal components, at most `most`, of all patches of `size` x `size` pixels, each
    divided by its standard deviation, and then their negatives, of which ReLU passes the other half on.

    images: normalised, [h, w, c]. (Jordan, arXiv 2404.00498, section 3.1, after Page 2019)"""
    products, count, channels = np.zeros(1), 0, 0
    for image in images:
        channels = image.shape[2]
        patches = sliding_window_view(image, (size, size), axis=(0, 1)).transpose(0, 1, 3, 4, 2).reshape(-1, size * size * channels)
        products, count = products + patches.T @ patches.astype(np.float64), count + len(patches)
    if not count:
        raise ValueError(f"whitening_filters: `images` has no patches of {size}x{size} pixels, expected at least one")
    variances, components = np.linalg.eigh(products / count)
    scaled = (components / np.sqrt(np.maximum(variances, 0) + FLOOR))[:, ::-1][:, :most]  # those of most variance first
    return np.concatenate([scaled, -scaled], axis=1).reshape(size, size, channels, -1).astype(np.float32)
