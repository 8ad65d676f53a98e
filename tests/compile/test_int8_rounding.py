"""Rounding weights to bytes so that they make up for each other's errors: the factors, what it gains, where it changes nothing."""

import numpy as np
import pytest

from minigoog.compile.calibration import Moments
from minigoog.kernels.reference.int8 import quantize_weights
from minigoog.kernels.reference.int8_rounding import DAMPING, Feedback, feedback, round_weights


@pytest.fixture(scope="module")
def values():
    """2,000 pixels of 24 channels that are made of 6, all positive, as after a ReLU."""
    rng = np.random.default_rng(0)
    return np.abs(rng.standard_normal((2000, 6))) @ rng.random((6, 24)) + 0.1 * rng.random((2000, 24))


def test_the_factors_are_those_of_lapacks_cholesky_decomposition_from_the_last_channel_to_the_first(values):
    covariance = np.cov(values.T)
    found = feedback(covariance)
    ordered = covariance[np.ix_(found.order, found.order)] + np.eye(24) * DAMPING * np.trace(covariance) / 24
    upper = np.linalg.cholesky(ordered[::-1, ::-1])[::-1, ::-1]
    np.testing.assert_allclose(found.factors + np.eye(24), (upper / np.diagonal(upper)).T, atol=1e-4)
    assert (np.diff(np.diagonal(covariance)[found.order]) <= 0).all()


def test_sums_are_nearer_to_exact_ones_than_with_each_weight_rounded_to_the_nearest_code(values):
    w = np.random.default_rng(1).standard_normal((3, 3, 24, 10)).astype(np.float32)
    nearest, scales = quantize_weights(w)
    chosen = round_weights(w, scales, feedback(np.cov(values[:1000].T)))
    others = values[1000:] - values[:1000].mean(axis=0)  # which were not measured; what the mean changes, the bias makes up for
    errors = [np.square(np.tensordot(others, w - codes * scales, (1, 2))).mean() for codes in (nearest, chosen)]
    assert errors[1] < 0.5 * errors[0]
    assert chosen.dtype == np.int8 and np.abs(chosen.astype(int)).max() == 127
    assert np.abs(w - chosen * scales).max() < 2 * scales.max()


def test_channels_that_have_nothing_in_common_are_rounded_to_the_nearest_code():
    w = np.random.default_rng(2).standard_normal((1, 1, 8, 5)).astype(np.float32)
    nearest, scales = quantize_weights(w)
    for covariance in (np.diag(np.arange(8.0)), np.zeros((8, 8))):
        assert np.array_equal(round_weights(w, scales, feedback(covariance)), nearest)


def test_an_error_is_made_up_for_by_the_next_weight_as_far_as_the_factors_say():
    by = Feedback(np.array([1, 0]), np.array([[0, 0], [1, 0]], np.float32))
    w = np.array([0.3, 0.4], np.float32).reshape(1, 1, 2, 1)
    assert round_weights(w, np.array([1.0]), by).ravel().tolist() == [1, 0], ".4 becomes 0, so .3 + .4 is rounded"


def test_moments_are_those_of_the_values_and_exact_in_any_order(values):
    maps = values.astype(np.float32).reshape(20, 10, 10, 24)
    one, other = Moments(), Moments()
    for image in maps:
        one.add(image[None])
    other.step = one.step
    for image in maps[::-1]:
        other.add(np.ascontiguousarray(image[None]))
    assert np.array_equal(one.covariance, other.covariance)
    expected = np.cov(values.T, bias=True)
    np.testing.assert_allclose(one.covariance * one.step**2, expected, atol=0.01 * expected.max())


def test_moments_of_a_map_of_zeros_are_zeros():
    moments = Moments()
    moments.add(np.zeros((1, 2, 2, 3), np.float32))
    assert not moments.covariance.any()


def test_zeros_at_first_do_not_hide_small_values_that_follow(values):
    """The step of the codes is chosen by the first values that are not 0."""
    small = (values * 1e-3).astype(np.float32).reshape(1, 200, 10, 24)
    late, alone = Moments(), Moments()
    late.add(np.zeros_like(small))
    late.add(small)
    alone.add(small)
    assert late.step == alone.step and late.count == 2 * alone.count and np.array_equal(late.products, alone.products)
    np.testing.assert_allclose(late.means, alone.means / 2)
