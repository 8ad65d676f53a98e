"""Filters that whiten patches."""

import numpy as np
import pytest

from minigoog.data.whitening import FLOOR, whitening_filters


def correlated(n=30, size=12):
    """Smooth images: neighbouring pixels and channels are alike."""
    noise = np.random.default_rng(1).standard_normal((n, size + 2, size + 2, 3))
    smooth = sum(noise[:, y : y + size, x : x + size] for y in range(3) for x in range(3))
    return (smooth + 0.5 * smooth.mean(axis=3, keepdims=True)).astype(np.float32)


def test_the_responses_to_patches_are_uncorrelated_with_variance_1():
    images = correlated()
    filters = whitening_filters(images, 2, 8).astype(np.float64)
    assert filters.shape == (2, 2, 3, 16)
    patches = np.array([image[y : y + 2, x : x + 2] for image in images for y in range(11) for x in range(11)]).astype(np.float64)
    responses = np.tensordot(patches, filters[..., :8], 3)
    variances = np.linalg.svd(patches.reshape(len(patches), 12), compute_uv=False)[:8] ** 2 / len(patches)
    np.testing.assert_allclose(responses.T @ responses / len(patches), np.diag(variances / (variances + FLOOR)), atol=1e-5)
    assert variances[-1] > 10 * FLOOR  # so all are close to 1


def test_every_filter_has_its_negative_and_those_of_most_variance_come_first():
    filters = whitening_filters(correlated(), 2, 99)
    assert (filters[..., :12] == -filters[..., 12:]).all()
    norms = np.linalg.norm(filters.reshape(12, 24), axis=0)[:12]
    assert (np.diff(norms) > 0).all()  # divided by their deviations


def test_a_direction_without_variance_is_not_blown_up():
    filters = whitening_filters(np.zeros((2, 8, 8, 1), np.float32), 3, 9)
    assert np.linalg.norm(filters.reshape(9, 18), axis=0) == pytest.approx(FLOOR**-0.5)


def test_images_smaller_than_a_patch_are_named():
    with pytest.raises(ValueError, match="`images` has no patches of 2x2 pixels"):
        whitening_filters([], 2, 12)
