"""Mixing the images of a batch in pairs."""

import numpy as np
import pytest

from minigoog.data.mixing import CutMix, MixUp
from tests.strategies import numbers


def test_mixup_is_the_weighted_mean_of_two_images():
    images = numbers(0, (6, 5, 7, 3))
    mixed = MixUp(0.4)(images, np.random.default_rng(1))
    expected = mixed.share * images.astype(np.float64) + (1 - mixed.share) * images[mixed.partner]
    np.testing.assert_allclose(mixed.images, expected, atol=1e-6)
    assert sorted(mixed.partner) == list(range(6)) and mixed.images.dtype == np.float32


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_takes_a_rectangle_whose_area_is_the_share_of_the_other_label(seed):
    images = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((1, 12, 16, 1), np.float32)
    mixed = CutMix(1.0)(images, np.random.default_rng(seed))
    for i, partner in enumerate(mixed.partner):
        theirs = mixed.images[i, :, :, 0] == partner
        if partner == i:
            continue
        assert theirs.mean() == pytest.approx(1 - mixed.share)
        rows, columns = theirs.any(axis=1), theirs.any(axis=0)
        assert theirs.sum() == rows.sum() * columns.sum()  # a rectangle
        assert np.all(mixed.images[i][~theirs] == i)


def test_the_mean_area_that_stays_is_near_the_papers():
    """Beta(1, 1) is uniform: without the image's edges half of the area would stay; cut off at the edges, the rectangles are smaller."""
    images, generator = np.zeros((2, 32, 32, 1), np.float32), np.random.default_rng(0)
    shares = [CutMix(1.0)(images, generator).share for _ in range(2000)]
    assert 0.5 < np.mean(shares) < 0.8
    assert np.mean([MixUp(1.0)(images, generator).share for _ in range(2000)]) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
@pytest.mark.parametrize("alpha", [0, 0.0, -1, "a"])
def test_an_alpha_that_is_not_above_0_is_refused_by_name(kind, alpha):
    with pytest.raises((TypeError, ValueError), match=f"{kind.__name__}: `alpha` is "):
        kind(alpha)
