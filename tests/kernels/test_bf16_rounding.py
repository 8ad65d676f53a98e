"""Weights in bf16 whose errors make up for each other: one of the two nearest numbers, and little left of sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels.reference.bf16 import from_bf16, to_bf16
from minigoog.kernels.reference.bf16_rounding import to_bf16_by, to_bf16_by_channels, to_bf16_for_images, to_bf16_in_balance
from minigoog.kernels.reference.int8_rounding import DAMPING, feedback


def weights(seed, *shape):
    return (np.random.default_rng(seed).standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)


def steps(w):
    """From each weight's bf16 number to the next."""
    return np.spacing(np.abs(w)).astype(np.float64) * 2**16


@given(st.integers(0, 999), st.sampled_from([(1, 1, 300, 5), (3, 3, 40, 17), (1, 1, 1, 3), (5, 5, 2, 1)]))
def test_every_weight_becomes_a_neighbour_and_the_errors_of_a_channel_add_up_to_a_step(seed, shape):
    w = weights(seed, *shape)
    error = from_bf16(to_bf16_in_balance(w)).astype(np.float64) - w
    assert (np.abs(error) < steps(w)).all()
    assert (np.abs(error.reshape(-1, shape[-1]).sum(axis=0)) <= steps(w).reshape(-1, shape[-1]).max(axis=0) / 2).all()


def test_the_balance_costs_nearly_nothing():
    w = weights(1, 3, 3, 96, 32)
    plain, balanced = (from_bf16(a).astype(np.float64) - w for a in (to_bf16(w), to_bf16_in_balance(w)))
    assert np.square(balanced).sum() < 1.01 * np.square(plain).sum()
    sums = [np.abs(e.reshape(-1, 32).sum(axis=0)).mean() for e in (plain, balanced)]
    assert sums[1] < sums[0] / 10


@pytest.mark.parametrize("value", [0.0, -0.0, np.inf, -np.inf, 3.39e38, 2.0**-126, -(2.0**-125), 1e-45])
def test_weights_at_the_ends_of_the_range_stay_what_to_bf16_makes_of_them(value):
    w = weights(2, 50, 2)
    w[7] = value
    assert np.array_equal(to_bf16_in_balance(w)[7], to_bf16(w[7]))


def test_nan_stays_nan():
    w = weights(3, 20, 2)
    w[3, 1] = np.nan
    found = to_bf16_in_balance(w)
    assert np.isnan(from_bf16(found)[3, 1]) and np.isnan(from_bf16(found)).sum() == 1
    assert np.array_equal(found[:, 0], to_bf16_in_balance(w[:, :1])[:, 0]), "other channels do not know"


def test_what_an_image_loses_is_a_fraction_of_what_plain_rounding_takes():
    """The picture: a sum of slow waves, its colours alike. The weights of a first layer, random."""
    y, x = np.mgrid[:40, :40].astype(np.float64)
    picture = np.sin(y / 9) + np.cos(x / 7 + 1) + 0.5 * np.sin((x + y) / 11)
    picture = picture[..., None] * [1, 0.9, 0.8] + [0.3, 0.1, -0.2]
    w = weights(4, 7, 7, 3, 16)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (7, 7), axis=(0, 1))

    def lost(codes):
        return np.square(np.einsum("yxcuv,uvco->yxo", windows, from_bf16(codes).astype(np.float64) - w)).mean()

    assert lost(to_bf16_for_images(w)) < lost(to_bf16(w)) / 20


def moments(seed, terms):
    """Second moments of values that vary together, as channels behind a ReLU do."""
    rng = np.random.default_rng(seed)
    values = np.maximum(rng.standard_normal((200, terms)) + rng.standard_normal((200, 3)) @ rng.standard_normal((3, terms)), 0)
    return values.T @ values / len(values)


@given(st.integers(0, 999), st.integers(1, 12))
def test_each_weight_is_nearest_to_what_makes_the_later_ones_fit_best(seed, terms):
    """The judge: with the errors so far as they are, the errors from here on that would make e' C e least, by solving for them."""
    c, w = moments(seed, terms), weights(seed, terms, 4)
    by = feedback(c.copy())
    error = (from_bf16(to_bf16_by(w, by)).astype(np.float64) - w)[by.order]
    c = (c + DAMPING * np.trace(c) / terms * np.eye(terms))[np.ix_(by.order, by.order)]
    for k in range(terms):
        best = -np.linalg.solve(c[k:, k:], c[k:, :k] @ error[:k])[0]
        assert (np.abs(error[k] - best) <= steps(w[by.order[k]]) * (0.5 + 1e-3)).all() or crosses(w[by.order[k]], best)


def crosses(w, change):
    """Whether a number so near has another step than `w`."""
    return bool((steps((w + change).astype(np.float32)) != steps(w)).any())


def test_what_is_lost_of_maps_like_those_of_the_moments_is_a_part_of_what_balance_leaves():
    c, w = moments(5, 96), weights(5, 1, 1, 96, 32)

    def lost(codes):
        e = from_bf16(codes).astype(np.float64).reshape(96, 32) - w.reshape(96, 32)
        return np.einsum("io,ij,jo->", e, c, e)

    by = feedback(c.copy())
    assert lost(to_bf16_by_channels(w, by)) < lost(to_bf16_in_balance(w)) / 2 < lost(to_bf16(w)) / 2


def test_pixels_of_a_window_are_rounded_by_the_same_channels_each_for_itself():
    by, w = feedback(moments(6, 10)), weights(6, 3, 2, 10, 5)
    found = to_bf16_by_channels(w, by)
    for at in np.ndindex(3, 2):
        assert np.array_equal(found[at], to_bf16_by(w[at], by))
    assert np.array_equal(to_bf16_by_channels(w, None), to_bf16_in_balance(w))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3.4e38])
def test_a_weight_that_is_no_number_in_bf16_leaves_the_others_alone(value):
    by, w = feedback(moments(7, 10)), weights(7, 10, 2)
    w[4, 1] = value
    found = from_bf16(to_bf16_by(w, by))
    assert np.array_equal(found[4, 1:], from_bf16(to_bf16(w[4, 1:])), equal_nan=True)
    assert (np.abs(np.delete(found, 4, axis=0) - np.delete(w, 4, axis=0)) < 0.1).all()


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="to_bf16_in_balance: `w` is float64, expected float32"):
        to_bf16_in_balance(np.ones((3, 2)))
    with pytest.raises(ValueError, match="to_bf16_for_images: `w`"):
        to_bf16_for_images(np.ones((3, 2), np.float32))
