"""Statistics of the pixels of a data set, which normalisation and lighting need."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .datasets import ArrayDataset, Dataset
from .images import Image

MOST_IMAGES = 5000  # of a data set that is decoded on access, evenly spaced
PIXELS = 4096  # of such an image, also evenly spaced


class Statistics(NamedTuple):
    """`mean` and `std` of each channel [c], from 0 to 255; `pca`: (eigenvalues [c], eigenvectors [c, c], one a column) of the channels'
    covariance."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    pca: tuple[NDArray[np.float64], NDArray[np.float64]]


def image_statistics(dataset: Dataset) -> Statistics:
    """The Statistics of all pixels of an ArrayDataset, or of up to 5,000 images of any other data set."""
    count, total, products = 0, np.zeros(1), np.zeros(1)
    for pixels in _pixels(dataset):
        count, total = count + len(pixels), total + pixels.sum(axis=0, dtype=np.float64)
        products = products + pixels.T.astype(np.float64) @ pixels.astype(np.float64)
    if not count:
        raise ValueError("image_statistics: `dataset` has 0 images, expected at least 1")
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    return Statistics(mean, np.sqrt(np.maximum(np.diag(covariance), 1.0)), (np.maximum(values, 0), vectors))


def _pixels(dataset: Dataset) -> Iterator[Image]:
    """Pixels [n, c], in parts."""
    if isinstance(dataset, ArrayDataset):
        for start in range(0, len(dataset), 1000):
            yield dataset.images[start : start + 1000].reshape(-1, dataset.images.shape[-1])
        return
    for i in np.linspace(0, len(dataset) - 1, min(MOST_IMAGES, len(dataset))).astype(int).tolist():
        image = np.asarray(dataset[i][0])
        pixels = image.reshape(-1, image.shape[-1])
        yield pixels[:: -(-len(pixels) // PIXELS)]
