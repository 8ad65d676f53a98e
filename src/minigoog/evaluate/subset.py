"""A part of a data set."""

import numpy as np


class _Subset:
    def __init__(self, dataset, chosen):
        self.dataset, self.chosen = dataset, chosen
        self.labels, self.classes = dataset.labels[chosen], dataset.classes

    def __len__(self):
        return len(self.chosen)

    def __getitem__(self, i):
        return self.dataset[self.chosen[i]]


def subset(dataset, n):
    """`n` images of a data set (all if there are fewer), evenly spaced."""
    return _Subset(dataset, np.linspace(0, len(dataset) - 1, min(n, len(dataset))).astype(int))
