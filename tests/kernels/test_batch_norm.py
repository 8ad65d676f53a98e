"""Batch normalisation: both passes against float64, on slices, on every instruction set, for any number of threads."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.kernels.judge import U, absolute, same_bits, unchanged
from tests.strategies import channels, in_wider, numbers, pads, seeds, wide_out

EPS = 1e-3
BLOCK = 256  # rows that are summed in float32; the blocks are joined in float64, or pairwise few
ROUNDINGS = 8 + 2 * np.sqrt(BLOCK)  # see judge.py, and 4 more for the factors
shapes = st.one_of(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), channels), st.tuples(st.integers(1, 700), channels))


def problem(shape, seed, x_pads=(0, 0), dy_pads=(0, 0)):
    """(x, gamma, beta, dy) in float32; x off centre, so that squares alone would not do."""
    c, offset = shape[-1:], numbers([seed, 4], shape[-1:]) * 10
    return (in_wider(numbers(seed, shape) + offset, *x_pads), numbers([seed, 1], c), numbers([seed, 2], c),
            in_wider(numbers([seed, 3], shape), *dy_pads))


def wide(*arrays):
    return [a.astype(np.float64) for a in arrays]


@given(shape=shapes, seed=seeds, x_pads=pads, y_pads=pads, relu=st.booleans())
def test_forward_matches_the_float64_reference(isa, shape, seed, x_pads, y_pads, relu):
    x, gamma, beta, _ = problem(shape, seed, x_pads)
    whole, out = wide_out(shape, *y_pads)
    with unchanged(x, gamma, beta):
        y, mean, variance = native.batch_norm(x, gamma, beta, eps=EPS, relu=relu, out=out)
    exact, exact_mean, exact_variance = reference.batch_norm(*wide(x, gamma, beta), eps=EPS, relu=relu)
    size = absolute(x).reshape(-1, shape[-1]).max(axis=0)  # of a channel's values
    assert y is out and np.all(np.abs(mean - exact_mean) <= ROUNDINGS * U * size)
    assert np.all(np.abs(variance - exact_variance) <= ROUNDINGS * U * (exact_variance + 2 * np.sqrt(exact_variance) * size + U * size**2))
    scale = absolute(gamma) / np.sqrt(exact_variance + EPS)
    spread = size / np.sqrt(exact_variance + EPS)  # how much a relative error of the deviation is of one of x
    assert np.all(np.abs(y - exact) <= ROUNDINGS * U * (2 * size * scale * (1 + spread) + absolute(beta)))
    out[...] = -7
    assert np.all(whole == -7), "wrote beside the slice"


@given(shape=shapes, seed=seeds, x_pads=pads, dy_pads=pads, relu=st.booleans())
def test_backward_matches_the_float64_reference(isa, shape, seed, x_pads, dy_pads, relu):
    x, gamma, beta, dy = problem(shape, seed, x_pads, dy_pads)
    y, mean, variance = native.batch_norm(x, gamma, beta, eps=EPS, relu=relu)
    with unchanged(x, dy, mean, variance, gamma, beta):
        results = native.batch_norm_backward(x, dy, mean, variance, gamma, beta, eps=EPS, relu=relu)
    dz = np.where(y <= 0, 0, dy) if relu else dy  # in float64 a number near 0 might be on the other side
    exacts = reference.batch_norm_backward(*wide(x, dz, mean, variance, gamma, beta), eps=EPS)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + EPS)
    normal = (absolute(x) + absolute(mean)) * inverse
    axes = tuple(range(x.ndim - 1))
    sums = (absolute(dy) * normal).sum(axis=axes), absolute(dy).sum(axis=axes)
    n = x.size // shape[-1]
    magnitudes = absolute(gamma) * inverse * (absolute(dy) + (sums[1] + normal * sums[0]) / n), *sums
    for name, got, exact, magnitude in zip(("dx", "dgamma", "dbeta"), results, exacts, magnitudes, strict=True):
        assert got.dtype == np.float32 and np.all(np.abs(got - exact) <= ROUNDINGS * U * magnitude), name


def test_the_gradient_may_take_the_place_of_that_of_the_output(isa):
    x, gamma, beta, dy = problem((3, 9, 10, 21), 0, (1, 2), (2, 1))
    _, mean, variance = native.batch_norm(x, gamma, beta, eps=EPS, relu=True)
    apart = native.batch_norm_backward(x, dy, mean, variance, gamma, beta, eps=EPS, relu=True)
    in_place = native.batch_norm_backward(x, dy, mean, variance, gamma, beta, eps=EPS, relu=True, out=dy)
    assert in_place[0] is dy and all(same_bits(np.array(a), b) for a, b in zip(in_place, apart, strict=True))


def test_a_large_mean_costs_no_digits_of_the_variance(isa):
    """One pass over squares would lose them all: 1e4^2 / 2^24 is 6."""
    x = numbers(0, (5000, 3)) + np.float32(1e4)
    _, _, variance = native.batch_norm(x, np.ones(3, np.float32), np.zeros(3, np.float32), eps=EPS)
    assert np.allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-5)


def test_bits_do_not_depend_on_the_number_of_threads(isa, threads):
    x, gamma, beta, dy = problem((7, 13, 29, 37), 0, (3, 2))

    def results():
        y, mean, variance = native.batch_norm(x, gamma, beta, eps=EPS, relu=True)
        return y, mean, variance, *native.batch_norm_backward(x, dy, mean, variance, gamma, beta, eps=EPS, relu=True)

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(a, b) for a, b in zip(results(), expected, strict=True))
