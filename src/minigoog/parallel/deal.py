"""Which image goes to which process, and what makes its random numbers: the seed, the epoch and the image, never the process."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import IntArray
from ..data import DataLoader
from ..data.images import Image
from ..data.transforms import Transform
from .communicator import Communicator
from .tree import share


def blocks(n: int, size: int, ranks: Communicator) -> list[range]:
    """The numbers below `n` that each process gets, in whole batches of `size`: so the batches are the same for any number of them."""
    ends = [min(share(-(-n // size), ranks.size, rank)[1] * size, n) for rank in range(ranks.size)]
    return [range(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


class Part:
    """Some images of a data set, by their numbers, in this order."""

    def __init__(self, dataset: Any, numbers: Sequence[int]) -> None:
        self.dataset, self.numbers = dataset, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: int) -> tuple[Image, int]:
        image, label = self.dataset[self.numbers[i]]
        return image, label


class Shares(DataLoader):
    """Batches of these `sizes`, none of them 0, of the images of a data set in their order."""

    def __init__(self, dataset: Part, sizes: Sequence[int], num_workers: int) -> None:
        super().__init__(dataset, max(sizes), num_workers=num_workers)
        self.ends = np.cumsum([0, *sizes]).tolist()

    def __len__(self) -> int:
        return len(self.ends) - 1

    def _span(self, number: int) -> tuple[int, int]:
        return self.ends[number], self.ends[number + 1]


class Varied(Part):
    """The same, transformed with random numbers of each image's own."""

    def __init__(self, dataset: Any, numbers: Sequence[int], transform: Transform, seed: int, epoch: int) -> None:
        super().__init__(dataset, numbers)
        self.transform, self.seed, self.epoch = transform, seed, epoch

    def __getitem__(self, i: int) -> tuple[Image, int]:
        image, label = super().__getitem__(i)
        return self.transform(np.asarray(image), np.random.default_rng((self.seed, self.epoch, self.numbers[i]))), label


def order(n: int, seed: int, epoch: int) -> IntArray:
    """The order of `n` images in an epoch: that of a DataLoader with this seed."""
    return np.random.default_rng((seed, epoch)).permutation(n)
