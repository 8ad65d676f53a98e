"""From an image to what the network sees in training."""

import numpy as np
import pytest

from minigoog.data import transforms
from minigoog.data.statistics import Statistics
from minigoog.train import Config, augmentation

GREY = Statistics(np.zeros(1, np.float32), np.ones(1, np.float32), None)


@pytest.mark.parametrize("shift, padding", [(None, 3), (0, 0), (2, 2)])
def test_an_image_of_the_networks_size_is_shifted_by_so_many_pixels(shift, padding):
    steps = augmentation.training(Config(shift=shift), "crop", 28, lambda: GREY, True).transforms
    crop = next(step for step in steps if isinstance(step, transforms.RandomCrop))
    assert (crop.size, crop.padding) == (28, padding)


def test_without_a_shift_an_image_stays_where_it_is():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    varied = augmentation.training(Config(shift=0), "shift", 8, lambda: GREY, True)
    assert all((varied(image, np.random.default_rng(seed)) == image).all() for seed in range(5))


def test_cutout_and_reflection_are_part_of_the_augmentation():
    image = np.full((8, 8, 1), 7, np.uint8)
    varied = augmentation.training(Config(padding_mode="reflect", cutout=3), "crop", 8, lambda: GREY, True)
    seen = [varied(image, np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(np.unique(each)) for each in seen} == {(0.0, 7.0)} and max((each == 0).sum() for each in seen) == 9
