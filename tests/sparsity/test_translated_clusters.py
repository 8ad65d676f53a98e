"""Clusters modulo translation: a planted mix of filters is recovered."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigoog.sparsity.clusters import demonstration as conv_arora
from minigoog.sparsity.clusters.planted_maps import plant, show, shuffled
from minigoog.sparsity.clusters.translated import canonical, channels_of, confirm, extent, find_clusters, histogram, overlap
from tests.strategies import seeds

units = st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=8, unique=True)


@pytest.mark.parametrize("planted", conv_arora.PLANTED)
def test_the_planted_mixes_come_back_exactly_unit_by_unit(planted):
    row = conv_arora.recovery(0, planted, images=20)
    assert row["found"] == row["planted"] and row["exact"] == row["units"] == 24


@settings(max_examples=5)
@given(seed=seeds)
def test_a_random_mix_comes_back_whatever_the_seed(seed):
    row = conv_arora.recovery(seed, {1: 3, 3: 5, 5: 4}, images=10)
    assert row["exact"] == row["units"] and row["found"] == row["planted"]


def test_no_unit_comes_back_from_shuffled_maps():
    row = conv_arora.recovery(0, conv_arora.PLANTED[0], images=20, control=True)
    assert row["exact"] == 0 and sum(row["found"].values()) == 0


def test_maps_that_are_too_dense_give_no_wrong_answer_but_little():
    row = conv_arora.recovery(0, conv_arora.PLANTED[0], density=0.03, images=10)
    assert sum(row["found"].values()) < 12


def test_a_mixture_whose_pairs_belong_to_other_units_is_no_cluster():
    """Channels 0, 1, 2 are pairwise together because of three units, and never all three: only the maps can tell."""
    generator = np.random.default_rng(0)
    real = [tuple((c, 0, 0) for c in (a, b, *more)) for a, b, more in ((0, 1, (3, 4)), (1, 2, (5, 6)), (0, 2, (7, 8)))]
    maps = show(generator, real, 9, 4, 64, 0.01)
    related = np.zeros((9, 9, 9, 9), bool)
    for unit in real:
        for a in unit:
            for b in unit:
                related[a[0], 4, 4, b[0]] = a != b
    assert set(find_clusters(related, maps)) == set(real)
    assert confirm(np.ascontiguousarray(maps.transpose(3, 0, 1, 2)), ((0, 0, 0), (1, 0, 0), (2, 0, 0))) in [*real, None]


@given(seed=seeds)
def test_planted_units_have_the_requested_sizes_and_children(seed):
    planted = plant(np.random.default_rng(seed), {1: 2, 3: 3, 5: 1}, 8, 5)
    assert histogram(planted) == {1: 2, 3: 3, 5: 1} and len(set(planted)) == 6
    assert all(len(set(unit)) == 5 and unit == canonical(unit) for unit in planted)


@given(seed=seeds)
def test_maps_are_the_union_of_their_units_windows(seed):
    """One hidden unit alone, its children in channels of their own: wherever the first is on, so are the others, as far as the map goes."""
    generator = np.random.default_rng(seed)
    (unit,) = plant(generator, {3: 1}, 6, 4)
    assume(len(channels_of(unit)) == 4)
    maps = show(generator, [unit], 6, 2, 12, 0.05)
    first = unit[0]
    for c, y, x in unit:
        dy, dx = y - first[1], x - first[2]
        here = maps[:, 3:9, 3:9, first[0]]
        there = maps[:, 3 + dy : 9 + dy, 3 + dx : 9 + dx, c]
        assert np.all(there[here])


def test_shuffling_keeps_how_many_pixels_are_on():
    generator = np.random.default_rng(0)
    maps = generator.random((3, 8, 8, 5)) < 0.3
    assert np.array_equal(shuffled(generator, maps).sum(axis=(1, 2)), maps.sum(axis=(1, 2)))


@given(cluster=units, dy=st.integers(-4, 4), dx=st.integers(-4, 4))
def test_a_moved_cluster_is_the_same_cluster(cluster, dy, dx):
    moved = [(c, y + dy, x + dx) for c, y, x in cluster]
    assert canonical(moved) == canonical(cluster)
    assert overlap(canonical(moved), canonical(cluster)) == 1


@given(a=units, b=units)
def test_the_overlap_is_the_best_jaccard_index_of_all_shifts(a, b):
    best = max(len(set(a) & {(c, y + dy, x + dx) for c, y, x in b}) for dy in range(-6, 7) for dx in range(-6, 7))
    assert overlap(tuple(a), tuple(b)) == pytest.approx(best / (len(a) + len(b) - best))


@pytest.mark.parametrize("cluster, size", [(((0, 0, 0), (1, 0, 0)), 1), (((0, 0, 0), (1, 0, 1)), 3), (((0, 0, 2), (1, 2, 0)), 3),
                                           (((0, 0, 0), (0, 3, 0)), 5), (((0, 0, 0), (0, 4, 4)), 5), (((0, 0, 0), (0, 7, 0)), 5)])
def test_the_extent_is_the_smallest_filter_that_covers_it(cluster, size):
    assert extent(cluster) == size
