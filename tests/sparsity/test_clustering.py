"""Recovery of networks whose edges are known, where theory says that it works, and where it must fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.sparsity.construction import experiment
from minigoog.sparsity.construction.clustering import merge, pairs_on, pairwise_graph, partial_encoder, recover_graph, valley
from minigoog.sparsity.construction.matching import jaccard, match, precision_and_recall
from minigoog.sparsity.construction.negative_edges import negative_edges
from minigoog.sparsity.construction.random_networks import observe, random_layer, sparse_codes
from tests.strategies import seeds


@given(seed=seeds, samples=st.integers(0, 40), n=st.integers(1, 12))
def test_pairs_are_counted_as_the_product_counts_them(seed, samples, n):
    y = np.random.default_rng(seed).random((samples, n)) < 0.4
    assert np.array_equal(pairs_on(y), y.T.astype(int) @ y.astype(int))


def test_a_thousand_units_come_back_from_sixteen_thousand_samples():
    row = experiment.recovery(0, 1000, 8, 3, 16000)
    assert row["good"] >= 0.97 and row["exact"] >= 0.9
    assert row["clusters"] <= 1030, "spurious clusters"


def test_nothing_comes_back_from_shuffled_samples():
    row = experiment.recovery(0, 1000, 8, 3, 16000, shuffled=True)
    assert row["matches"] == 0 and row["clusters"] < 100


def test_too_few_samples_and_too_many_active_units_are_not_recovered():
    assert experiment.recovery(0, 500, 6, 2, experiment.enough(500, 2, 0.25))["good"] < 0.5
    assert experiment.recovery(0, 500, 6, 2, experiment.enough(500, 2, 8))["good"] >= 0.97
    assert experiment.recovery(0, 500, 8, 10, experiment.enough(500, 10))["good"] < 0.2  # rho d^2 = 5


@given(seed=seeds)
def test_the_valley_lies_between_the_two_humps(seed):
    """Pairs of two kinds, Poisson with means 10 and 100, of which few are related."""
    generator, n = np.random.default_rng(seed), 120
    counts = generator.poisson(10, (n, n))
    related = np.triu(generator.random((n, n)) < 0.05, 1)
    counts[related] = generator.poisson(100, related.sum())
    assert 25 <= valley(counts, 105) <= 75


def test_without_a_valley_the_threshold_is_a_share_of_the_expected_count():
    counts = np.random.default_rng(0).poisson(1, (50, 50))
    assert valley(counts, 100) == 60
    assert valley(np.zeros((0, 0), int), 100) == 60


def test_a_graph_of_separate_cliques_gives_back_exactly_these():
    membership = np.repeat(np.eye(5, dtype=bool), 6, axis=0)
    related = membership @ membership.T
    np.fill_diagonal(related, False)
    found = recover_graph(related, 6, np.random.default_rng(0))
    assert found.shape == (30, 5) and match(membership, found).exact == 1


def test_a_graph_without_edges_gives_no_cluster():
    assert recover_graph(np.zeros((20, 20), bool), 6, np.random.default_rng(0)).shape == (20, 0)


def test_clusters_found_twice_are_merged_and_others_are_kept():
    found = merge([[0, 1, 2, 3], [0, 1, 2, 4], [4, 5, 6, 7], [3, 4, 8, 9]], 10)  # Jaccard 3/5, 1/7 with the second, 1/7 with both
    assert found.T.astype(int).tolist() == [[1, 1, 1, 1] + 6 * [0], 4 * [0] + 4 * [1] + 2 * [0], [0, 0, 0, 1, 1, 0, 0, 0, 1, 1]]


def test_the_encoder_gives_back_the_hidden_code():
    generator = np.random.default_rng(0)
    layer = random_layer(generator, 600, 600, 8)
    code = sparse_codes(generator, 2000, 600, 2)
    errors = np.sum(partial_encoder(observe([layer], code), layer.positive, 8) != code)
    assert errors < 0.01 * code.sum()


def test_the_order_of_samples_does_not_matter_and_the_seed_decides():
    generator = np.random.default_rng(0)
    shown = observe([random_layer(generator, 300, 300, 6)], sparse_codes(generator, 6000, 300, 2))
    graph = pairwise_graph(shown, 2 / 300)
    assert np.array_equal(graph, pairwise_graph(generator.permutation(shown), 2 / 300))
    one, two = (recover_graph(graph, 6, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, two)


# ---- negative edges ----


@given(seed=seeds)
def test_negative_edges_come_back_when_every_pair_has_met(seed):
    layer, code = layer_and_code(seed, samples=30_000)
    precision, recall = precision_and_recall(layer.negative, negative_edges(observe([layer], code), code, layer.positive))
    assert recall > 0.85 and precision > 0.95  # missing: those of visible units that are hardly ever on alone


def test_too_few_samples_leave_negative_edges_unknown_and_claim_none():
    layer, code = layer_and_code(0, samples=300)
    assert not negative_edges(observe([layer], code), code, layer.positive).any()


def layer_and_code(seed, samples):
    generator = np.random.default_rng(seed)
    return random_layer(generator, 60, 60, 4), sparse_codes(generator, samples, 60, 3)


def test_two_layers_come_back_one_after_the_other():
    numbers = experiment.two_layers(0, 1500, 5, 2, 25_000)
    assert min(numbers["lower"]["good"], numbers["upper"]["good"]) > 0.5


# ---- the score ----


@given(seed=seeds, n=st.integers(1, 30), m=st.integers(1, 8), k=st.integers(1, 8))
def test_the_jaccard_index_is_that_of_sets(seed, n, m, k):
    generator = np.random.default_rng(seed)
    a, b = generator.random((n, m)) < 0.4, generator.random((n, k)) < 0.4
    index = jaccard(a, b)
    for i in range(m):
        for j in range(k):
            one, two = set(np.flatnonzero(a[:, i])), set(np.flatnonzero(b[:, j]))
            assert index[i, j] == pytest.approx(len(one & two) / max(len(one | two), 1))


def test_a_match_without_clusters_recovers_nothing():
    matched = match(np.ones((4, 3), bool), np.zeros((4, 0), bool))
    assert matched.good == matched.exact == 0 and matched.jaccard.shape == (3,)
