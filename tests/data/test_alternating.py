"""Images that are mirrored in every second epoch."""

import numpy as np

from minigoog.data import ArrayDataset
from minigoog.data.alternating import AlternatingMirror

IMAGES = ArrayDataset(np.random.default_rng(0).integers(0, 256, (200, 4, 5, 3), np.uint8), np.arange(200), map(str, range(200)))


def sides(seed, epoch):
    """For each image whether it is mirrored; and it is the image or its mirror, with its own label."""
    seen = list(map(AlternatingMirror(IMAGES, seed, epoch).__getitem__, range(200)))
    assert [label for _, label in seen] == list(range(200))
    mirrored = np.array([(image == own[:, ::-1]).all() for (image, _), own in zip(seen, IMAGES.images, strict=True)])
    assert all((image == own).all() for (image, _), own, turned in zip(seen, IMAGES.images, mirrored, strict=True) if not turned)
    return mirrored


def test_two_epochs_in_a_row_show_both_sides_of_every_image():
    first, second, third = (sides(3, epoch) for epoch in range(3))
    assert (first != second).all() and (first == third).all()
    assert 70 < first.sum() < 130  # of 200 fair coins: 100 with a standard deviation of 7


def test_the_seed_decides_which_images_begin():
    assert (sides(3, 0) == sides(3, 0)).all() and (sides(3, 0) != sides(4, 0)).any()
