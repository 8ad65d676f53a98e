"""Mirror images without chance: each image in every second epoch, so that two epochs show both sides of all."""

import numpy as np

from .datasets import Dataset
from .images import Image

OWN = 0x3F1  # keeps these random numbers apart from those for other purposes


class AlternatingMirror:
    """The images of `dataset` in epoch number `epoch`: those that `seed` chooses, half of them, are mirrored in even epochs, the others in
    odd ones. (Jordan, arXiv 2404.00498, section 3.6)"""

    def __init__(self, dataset: Dataset, seed: int, epoch: int) -> None:
        self.dataset = dataset
        chosen = np.random.default_rng((seed, 0, 0, 0, OWN)).random(len(dataset)) < 0.5
        self.mirrored = chosen ^ (epoch % 2 == 1)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Image, int]:
        image, label = self.dataset[i]
        return (np.asarray(image)[:, ::-1] if self.mirrored[i] else image), label
