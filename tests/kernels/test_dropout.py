"""Dropout: known random numbers, the same mask from both kinds of kernels, sane statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from minigoog.kernels.reference.dropout import philox, random_words
from tests.kernels.judge import same_bits, unchanged
from tests.strategies import numbers, seeds


@pytest.mark.parametrize("counter, seed, words", [
    # Random123, kat_vectors, "philox4x32 10": counter and key 0. The vectors with nonzero high counter words are out of our reach.
    (0, 0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
])
def test_philox_gives_its_published_numbers(counter, seed, words):
    assert philox(seed, np.array([counter], np.uint64)).tolist() == [words]


def loops_philox(counter, key, rounds=10):
    """Philox4x32 as in the paper's figure, in Python's integers."""
    c0, c1, c2, c3 = counter & 0xFFFFFFFF, counter >> 32, 0, 0
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


@given(seed=st.integers(0, 2**64 - 1), counter=st.integers(0, 2**62 - 1))
def test_philox_is_the_papers_for_any_seed_and_counter(seed, counter):
    assert philox(seed, np.array([counter], np.uint64)).tolist() == [loops_philox(counter, seed)]
    assert random_words(seed, 4 * counter + 1, 3).tolist() == loops_philox(counter, seed)[1:]


@given(n=st.integers(0, 20_000), seed=st.integers(0, 2**64 - 1), offset=st.one_of(st.integers(0, 9), st.integers(0, 2**62)),
       p=st.floats(0, 0.99), data=seeds)
def test_native_equals_reference_bit_for_bit(isa, n, seed, offset, p, data):
    x = numbers(data, (n,))
    with unchanged(x):
        y = native.dropout(x, p, seed=seed, offset=offset)
    assert same_bits(y, reference.dropout(x, p, seed=seed, offset=offset))


@given(cut=st.integers(0, 10_000), offset=st.integers(0, 99))
def test_the_mask_is_a_function_of_the_position_alone(isa, cut, offset):
    """A stream read in two pieces is the stream read in one."""
    x = np.ones(10_000, np.float32)
    whole = native.dropout(x, 0.5, seed=7, offset=offset)
    parts = [native.dropout(x[:cut], 0.5, seed=7, offset=offset), native.dropout(x[cut:], 0.5, seed=7, offset=offset + cut)]
    assert same_bits(np.concatenate(parts), whole)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.4, 0.5, 0.7, 0.99])
def test_the_share_of_dropped_values_and_the_mean_are_right(isa, p):
    n = 1_000_000
    y = native.dropout(np.ones(n, np.float32), p, seed=3, offset=0)
    deviation = np.sqrt(p * (1 - p) / n)
    assert abs((y == 0).mean() - p) <= 5 * deviation  # 5 standard deviations of a binomial share
    assert np.all((y == 0) | (y == np.float32(1 / (1 - p))))
    assert abs(y.mean(dtype=np.float64) - 1) <= 5 * deviation / (1 - p) + 1e-7


def test_neighbours_seeds_and_offsets_give_unrelated_masks(isa):
    def mask(seed, offset):
        return native.dropout(np.ones(100_000, np.float32), 0.5, seed=seed, offset=offset) > 0

    base = mask(0, 0)
    for other in (mask(1, 0), mask(0, 100_000), mask(2**32, 0), mask(0, 1)):
        assert abs((base == other).mean() - 0.5) < 5 * 0.5 / np.sqrt(100_000)


def test_the_mask_does_not_depend_on_the_number_of_threads(isa, threads):
    x = numbers(0, (50_001,))
    threads(1)
    expected = native.dropout(x, 0.4, seed=5, offset=3)
    for n in (2, 3, 5):
        threads(n)
        assert same_bits(native.dropout(x, 0.4, seed=5, offset=3), expected)
