"""From an image to what the network sees in training."""

import numpy as np
import pytest

from minigoog.data import transforms
from minigoog.data.statistics import Statistics
from minigoog.train import augmentation

GREY = Statistics(np.zeros(1, np.float32), np.ones(1, np.float32), None)


@pytest.mark.parametrize("shift, padding", [(None, 3), (0, 0), (2, 2)])
def test_an_image_of_the_networks_size_is_shifted_by_so_many_pixels(shift, padding):
    steps = augmentation.training("crop", 28, lambda: GREY, True, "random", shift).transforms
    crop = next(step for step in steps if isinstance(step, transforms.RandomCrop))
    assert (crop.size, crop.padding) == (28, padding)


def test_without_a_shift_an_image_stays_where_it_is():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    varied = augmentation.training("shift", 8, lambda: GREY, True, "random", 0)
    assert all((varied(image, np.random.default_rng(seed)) == image).all() for seed in range(5))
