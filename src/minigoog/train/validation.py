"""Part of the training images for testing, so that settings can be searched without the test images."""

import copy
from typing import Any

import numpy as np

from ..array_types import IntArray
from ..data import ArrayDataset


def held_out(dataset: Any, share: float) -> tuple[Any, Any]:
    """(the rest, `share` of the images of each class): two data sets. The held-out ones are evenly spaced in the order of the data set.

    ValueError, naming the setting, if a class is left without images on one side."""
    kept, tested = [], []
    for label, name in enumerate(dataset.classes):
        of_class = np.flatnonzero(dataset.labels == label)
        n = round(share * len(of_class))
        if not 0 < n < len(of_class):
            raise ValueError(f"train: `validation` is {share:g}, which holds out {n} of the {len(of_class)} images of class {name}")
        at = np.floor((np.arange(n) + 0.5) * len(of_class) / n).astype(int)
        tested.append(of_class[at])
        kept.append(np.delete(of_class, at))
    rest, part = (_part(dataset, np.sort(np.concatenate(chosen))) for chosen in (kept, tested))
    part.notes, part.skipped = (), ()  # the rest has those of all
    return rest, part


def _part(dataset: Any, chosen: IntArray) -> Any:
    """The chosen images of a data set in memory or in files, as a data set of the same kind."""
    part = copy.copy(dataset)
    part.labels = dataset.labels[chosen]
    if isinstance(dataset, ArrayDataset):
        part.images = dataset.images[chosen]
        part.files = [dataset.files[i] for i in chosen] if len(dataset.files) else ()
    else:
        part.paths = [dataset.paths[i] for i in chosen]
    return part
