"""Random sparse networks: edges, codes and what they show, against dense products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.sparsity.construction.random_networks import observe, random_layer, sparse_codes, sums_where
from tests.strategies import seeds


@given(seed=seeds, visible=st.integers(8, 60), hidden=st.integers(1, 40), positive=st.integers(1, 4), negative=st.integers(0, 4))
def test_every_hidden_unit_has_its_edges_and_none_twice(seed, visible, hidden, positive, negative):
    layer = random_layer(np.random.default_rng(seed), visible, hidden, positive, negative)
    assert np.all(layer.positive.sum(axis=0) == positive) and np.all(layer.negative.sum(axis=0) == negative)
    assert layer.positive.shape == (visible, hidden) and not np.any(layer.positive & layer.negative)


@given(seed=seeds, units=st.integers(1, 20), samples=st.integers(0, 50), data=st.data())
def test_every_code_has_so_many_units_on(seed, units, samples, data):
    active = data.draw(st.integers(1, units))
    codes = sparse_codes(np.random.default_rng(seed), samples, units, active)
    assert codes.shape == (samples, units) and np.all(codes.sum(axis=1) == active)


def test_units_are_on_equally_often():
    codes = sparse_codes(np.random.default_rng(0), 60_000, 6, 2)
    assert np.abs(codes.mean(axis=0) - 1 / 3).max() < 4 * (2 / 9 / 60_000) ** 0.5  # four standard deviations


@given(seed=seeds)
def test_what_is_shown_is_the_sign_of_the_dense_product(seed):
    generator = np.random.default_rng(seed)
    top, bottom = random_layer(generator, 30, 20, 4), random_layer(generator, 40, 30, 5)
    codes = sparse_codes(generator, 25, 20, 3)
    between = codes.astype(int) @ (top.positive.T.astype(int) - top.negative.T.astype(int)) > 0
    expected = between.astype(int) @ (bottom.positive.T.astype(int) - bottom.negative.T.astype(int)) > 0
    assert np.array_equal(observe([top, bottom], codes), expected)


def test_sums_of_more_samples_than_a_block_are_those_of_each():
    generator = np.random.default_rng(0)
    codes, weights = generator.random((9000, 12)) < 0.3, generator.integers(-1, 2, (12, 7))
    assert np.array_equal(sums_where(codes, weights, lambda sums: sums == 1), codes.astype(int) @ weights == 1)


@pytest.mark.parametrize("call, message", [
    (lambda g: random_layer(g, 5, 3, 6), "random_layer: `positive` is 6, expected at most 5"),
    (lambda g: random_layer(g, 5, 3, 3), "random_layer: `negative` is 3, expected at most 2"),
    (lambda g: sparse_codes(g, 5, 3, 4), "sparse_codes: `active` is 4, expected at most 3"),
])
def test_impossible_values_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))
