"""From an image to what the network sees in training."""

import numpy as np
import pytest

from minigoog.data import ArrayDataset, transforms
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


@pytest.mark.parametrize("name, mirrored", [("none", False), ("shift", False), ("crop", True), ("paper", True)])
def test_images_are_mirrored_at_random_or_in_every_second_epoch(name, mirrored):
    images = ArrayDataset(np.zeros((2, 8, 8, 1), np.uint8), [0, 1], "ab")
    for mirror in augmentation.MIRRORS:
        config = Config(mirror=mirror, augment=name)
        steps = augmentation.training(config, name, 8, lambda: GREY, True).transforms
        by_chance = any(isinstance(step, transforms.RandomHorizontalFlip) for step in steps)
        assert by_chance == (mirrored and mirror == "random")
        assert (augmentation.in_epoch(config, images, 0) is not images) == (mirrored and mirror == "alternate")


def test_cutout_and_reflection_are_part_of_the_augmentation():
    image = np.full((8, 8, 1), 7, np.uint8)
    varied = augmentation.training(Config(padding_mode="reflect", cutout=3), "crop", 8, lambda: GREY, True)
    seen = [varied(image, np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(np.unique(each)) for each in seen} == {(0.0, 7.0)} and max((each == 0).sum() for each in seen) == 9
