"""The pictures of the accuracy demonstrations."""

import numpy as np
import pytest

from minigoog.sparsity.accuracy.pictures import pictures


def test_a_part_of_the_pictures_has_as_many_of_each_class_and_no_mean():
    train, test = pictures(n_train=200, n_test=100)
    assert np.bincount(train.labels).tolist() == pytest.approx([20] * 10, abs=1)
    assert len(test) == 100 and test.images.shape == (100, 8, 8, 1)
    assert train.images.mean() == pytest.approx(0, abs=1e-5) and train.images.std() == pytest.approx(1, abs=1e-4)


def test_photographs_of_any_size_are_brought_to_32x32(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'minigoog[images]'")
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(5):
            image.fromarray(generator.integers(0, 256, (40 + i, 50, 3), np.uint8)).save(tmp_path / name / f"{i}.png")
    train, test = pictures(tmp_path)
    assert train.images.shape == (8, 32, 32, 3) and test.labels.tolist() == [0, 1]
