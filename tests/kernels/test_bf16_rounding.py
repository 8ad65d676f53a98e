"""Weights in bf16 whose errors make up for each other: one of the two nearest numbers, and little left of sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels.reference.bf16 import from_bf16, to_bf16
from minigoog.kernels.reference.bf16_rounding import to_bf16_for_images, to_bf16_in_balance


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


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="to_bf16_in_balance: `w` is float64, expected float32"):
        to_bf16_in_balance(np.ones((3, 2)))
    with pytest.raises(ValueError, match="to_bf16_for_images: `w`"):
        to_bf16_for_images(np.ones((3, 2), np.float32))
