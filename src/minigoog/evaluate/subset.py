"""A part of a data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..array_types import Array, IntArray


def files_of(dataset: Any) -> Sequence[Path]:
    """The file of each image; empty if the images are from somewhere else."""
    found: Sequence[Path] = getattr(dataset, "paths", ()) or getattr(dataset, "files", ())
    return found


class _Subset:
    def __init__(self, dataset: Any, chosen: IntArray) -> None:
        self.dataset, self.chosen = dataset, chosen
        self.labels, self.classes = dataset.labels[chosen], dataset.classes
        files = files_of(dataset)
        self.files = [files[i] for i in chosen] if files else []

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, i: int) -> tuple[Array, int]:
        image, label = self.dataset[self.chosen[i]]
        return image, label


def subset(dataset: Any, n: int) -> _Subset:
    """`n` images of a data set (all if there are fewer), evenly spaced."""
    return _Subset(dataset, np.linspace(0, len(dataset) - 1, min(n, len(dataset))).astype(int))


def numbers_of(dataset: Any) -> Sequence[int]:
    """The number of each image; of one in a part of a data set, that in the whole."""
    found: Sequence[int] = dataset.chosen.tolist() if isinstance(dataset, _Subset) else range(len(dataset))
    return found
