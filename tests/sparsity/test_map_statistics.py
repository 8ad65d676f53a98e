"""Correlations of binary maps against NumPy's own, and controls that keep what they say they keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.sparsity.clusters.map_statistics import (
    between_channels,
    binarise,
    correlations,
    phase_scrambled,
    related,
    rings,
    shuffled_channels,
    strongest,
)
from tests.strategies import seeds


@given(seed=seeds, h=st.integers(5, 9), w=st.integers(5, 9), c=st.integers(1, 4))
def test_phi_is_the_correlation_coefficient_of_both_pixels_where_both_are_on_the_map(seed, h, w, c):
    generator = np.random.default_rng(seed)
    on = generator.random((4, h, w, c)) < 0.4
    phi = correlations(on, 2)
    for _ in range(4):
        (a, b), (dy, dx) = generator.integers(c, size=2), generator.integers(-2, 3, 2)
        here = on[:, max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx), a].ravel()
        there = on[:, max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx), b].ravel()
        expected = np.corrcoef(here, there)[0, 1] if here.std() and there.std() else 0.0
        assert phi[a, 2 + dy, 2 + dx, b] == pytest.approx(expected, abs=1e-12)


def test_a_channel_is_on_at_a_twentieth_of_its_places_and_dead_channels_are_left_out():
    maps = np.random.default_rng(0).standard_normal((20, 10, 10, 3)).astype(np.float32)
    maps[..., 1] = 0  # dead
    maps[..., 2] = np.maximum(maps[..., 2] - 2.2, 0)  # on at 1.4% of the places, all of which count
    on, kept = binarise(maps)
    assert kept.tolist() == [0, 2]
    assert on[..., 0].mean() == pytest.approx(0.05, abs=1e-3)
    assert np.array_equal(on[..., 1], maps[..., 2] > 0)


def test_rings_average_between_channels_and_of_each_with_itself_apart():
    phi = np.zeros((2, 5, 5, 2))
    phi[0, 2, 2, 1] = phi[1, 2, 2, 0] = 0.5  # at the same pixel
    phi[0, 2, 3, 0] = 0.3  # itself, one pixel on
    found = rings(phi)
    assert found["cross"] == pytest.approx([0.25, 0, 0])
    assert found["same"] == pytest.approx([0, 0.09 / 8 / 2, 0])


@given(seed=seeds, c=st.integers(2, 8), degree=st.integers(1, 6), cross=st.booleans())
def test_a_graph_has_the_requested_degree(seed, c, degree, cross):
    phi = np.random.default_rng(seed).random((c, 5, 5, c)) * 0.9 + 0.05
    graph = related(phi, strongest(phi, degree, cross), cross)
    assert graph.sum() == degree * c
    assert not any(graph[a, 2, 2, a] for a in range(c))
    assert not cross or not any(graph[a, ..., a].any() for a in range(c))


def test_uncorrelated_channels_are_never_related():
    phi = np.zeros((3, 5, 5, 3))
    assert not related(phi, strongest(phi, 8, True), True).any()
    assert not related(phi[:1, ..., :1], strongest(phi[:1, ..., :1], 8, True), True).any()


def test_between_channels_only_a_channel_with_itself_is_forgotten():
    phi = np.random.default_rng(0).random((3, 5, 5, 3))
    cross = between_channels(phi)
    assert all(np.all(cross[a, ..., a] == 0) for a in range(3))
    assert np.array_equal(cross[0, ..., 1], phi[0, ..., 1])


@given(seed=seeds, h=st.integers(4, 12), w=st.integers(4, 12))
def test_scrambled_images_keep_their_spectrum_and_the_correlation_of_colours(seed, h, w):
    images = np.random.default_rng(seed).standard_normal((2, h, w, 3))
    images[..., 1] = images[..., 0] + 0.1 * images[..., 1]
    scrambled = phase_scrambled(images, seed)
    before, after = (np.fft.fft2(x, axes=(1, 2)) for x in (images, scrambled))
    assert np.allclose(np.abs(before), np.abs(after))
    assert np.allclose(np.sum(before[..., 0] * before[..., 1].conj()), np.sum(after[..., 0] * after[..., 1].conj()))
    assert not np.allclose(images, scrambled)


def test_shuffled_channels_are_the_same_maps_in_other_images():
    on = np.random.default_rng(0).random((50, 6, 6, 4)) < 0.3
    shuffled = shuffled_channels(on, 1)
    for c in range(4):
        assert sorted(map(bytes, on[..., c])) == sorted(map(bytes, shuffled[..., c]))
    assert not np.array_equal(shuffled, on)
