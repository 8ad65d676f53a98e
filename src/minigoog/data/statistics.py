"""What the pixels of a data set are like: what normalisation and lighting need."""

from typing import NamedTuple

import numpy as np

MOST_IMAGES = 5000  # of a set that is decoded on access: evenly spaced over it
PIXELS = 4096  # of such an image, evenly spaced too


class Statistics(NamedTuple):
    """`mean` and `std` of each channel [c], from 0 to 255; `pca`: (eigenvalues [c], eigenvectors [c, c], one a column) of the channels'
    covariance."""

    mean: np.ndarray
    std: np.ndarray
    pca: tuple


def image_statistics(dataset):
    """The Statistics of all pixels of the images in memory, or of up to 5,000 images of a folder."""
    count, total, products = 0, 0.0, 0.0
    for pixels in _pixels(dataset):
        count, total = count + len(pixels), total + pixels.sum(axis=0, dtype=np.float64)
        products = products + pixels.T.astype(np.float64) @ pixels.astype(np.float64)
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    return Statistics(mean, np.sqrt(np.maximum(np.diag(covariance), 1.0)), (np.maximum(values, 0), vectors))


def _pixels(dataset):
    """Pixels [n, c], some at a time."""
    if hasattr(dataset, "images"):
        for start in range(0, len(dataset), 1000):
            yield dataset.images[start : start + 1000].reshape(-1, dataset.images.shape[-1])
        return
    for i in np.linspace(0, len(dataset) - 1, min(MOST_IMAGES, len(dataset))).astype(int):
        pixels = dataset[i][0].reshape(-1, 3)
        yield pixels[:: -(-len(pixels) // PIXELS)]
