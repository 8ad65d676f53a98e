"""The images of the demonstrations, normalised: those of a folder, or the digits that come with the package."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...array_types import Array, BoolArray, IntArray
from ...data import ArrayDataset, digits, image_statistics
from ...data import transforms as t
from ...data.folder import open_folder

SIZE = 32  # pixels: photographs of other sizes are resized to it


class Pictures(NamedTuple):
    """`images` float32 [n, h, w, c] with mean 0 and variance 1 in each channel (of those for training), `labels` int64 [n]."""

    images: Array
    labels: IntArray

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, index: slice | BoolArray) -> "Pictures":
        """The Pictures at `index`."""
        return Pictures(self.images[index], self.labels[index])


def pictures(folder: str | Path | None = None, n_train: int | None = None, n_test: int | None = None) -> tuple[Pictures, Pictures]:
    """(training, testing): the Pictures of a folder of images by class at 32x32x3, or without one the digits at 8x8x1.

    n_train, n_test: the largest number of each, evenly from all classes (None: all). Raises the errors of `data.open_dataset`."""
    parts = [chosen(folder, split, n) for split, n in (("train", n_train), ("test", n_test))]
    statistics = image_statistics(parts[0])
    normalize = t.Normalize(statistics.mean, statistics.std)
    train, test = (Pictures(normalize(part.images, None), part.labels) for part in parts)
    return train, test


def chosen(folder: str | Path | None, split: str, n: int | None = None) -> ArrayDataset:
    """An ArrayDataset of `n` images of a split, spread evenly over it (and so over its classes, which come one after the other)."""
    dataset = digits()[split == "test"] if folder is None else open_folder(folder, split)
    order = np.argsort(dataset.labels, kind="stable")
    picks = order[np.linspace(0, len(order) - 1, min(n or len(order), len(order))).round().astype(int)]
    if isinstance(dataset, ArrayDataset):
        return ArrayDataset(dataset.images[picks], dataset.labels[picks], dataset.classes)
    fit, images = t.Compose([t.Resize(SIZE), t.CenterCrop(SIZE)]), np.empty((len(picks), SIZE, SIZE, 3), np.uint8)
    for i, pick in enumerate(picks):
        images[i] = fit(dataset[pick][0], None)
    return ArrayDataset(images, dataset.labels[picks], dataset.classes)
