"""Batches."""

import numpy as np

from ..checks import check_int


class DataLoader:
    """A data set in batches of (images, labels), in an order that is a function of (seed, epoch): `for x, y in loader.epoch(3)`.

    The last batch of an epoch may be smaller. Without `shuffle` the order is that of the data set."""

    def __init__(self, dataset, batch_size, shuffle=False, seed=0):
        self.dataset, self.shuffle = dataset, shuffle
        self.batch_size = check_int("DataLoader", "batch_size", batch_size, 1)
        self.seed = check_int("DataLoader", "seed", seed, 0, 2**64 - 1)

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def epoch(self, number=0):
        """The batches of one epoch."""
        n = len(self.dataset)
        order = np.random.default_rng((self.seed, number)).permutation(n) if self.shuffle else np.arange(n)
        for start in range(0, n, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield self.dataset.images[chosen], self.dataset.labels[chosen]
