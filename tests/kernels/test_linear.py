"""The fully connected layer against float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.kernels.judge import assert_sums_close, same_bits, unchanged
from tests.strategies import channels, in_wider, numbers, pads, seeds


@given(n=st.integers(0, 20), i=channels, o=channels, bias=st.booleans(), relu=st.booleans(), seed=seeds, x_pads=pads, dy_pads=pads)
def test_linear_and_its_gradients_match_the_float64_reference(isa, n, i, o, bias, relu, seed, x_pads, dy_pads):
    x, dy = in_wider(numbers(seed, (n, i)), *x_pads), in_wider(numbers([seed, 1], (n, o)), *dy_pads)
    w, b = numbers([seed, 2], (i, o)), numbers([seed, 3], (o,)) if bias else None
    x64, dy64, w64, b64 = (None if a is None else a.astype(np.float64) for a in (x, dy, w, b))
    magnitude = np.abs(x64) @ np.abs(w64) + (np.abs(b64) if bias else 0)
    with unchanged(x, w, b, dy):
        y, dx, dw = native.linear(x, w, b, relu=relu), native.linear_input(w, dy), native.linear_weight(x, dy)
    exact = x64 @ w64 + (b64 if bias else 0)
    assert_sums_close(y, np.maximum(exact, 0) if relu else exact, magnitude, i + 1)
    assert_sums_close(dx, dy64 @ w64.T, np.abs(dy64) @ np.abs(w64).T, o)
    assert_sums_close(dw, x64.T @ dy64, np.abs(x64).T @ np.abs(dy64), max(n, 1))
    assert np.array_equal(reference.linear(x64, w64, b64, relu=relu), np.maximum(exact, 0) if relu else exact)


def test_bits_do_not_depend_on_the_number_of_threads(isa, threads):
    x, w, dy = numbers(0, (40, 300)), numbers(1, (300, 70)), numbers(2, (40, 70))

    def results():
        return [native.linear(x, w), native.linear_input(w, dy), native.linear_weight(x, dy)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(a, b) for a, b in zip(results(), expected, strict=True))
