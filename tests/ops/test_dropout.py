"""Dropout as an operation: its mask comes from the seed and from how much was drawn before, and backward uses the same."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, kernels, nn, ops


def ones(n=10_000):
    return Tensor(np.ones((n // 10, 10), np.float32), requires_grad=True)


def test_the_gradient_goes_through_the_values_that_were_kept():
    x = ones()
    y = ops.dropout(x, 0.4)
    y.sum().backward()
    assert np.array_equal(x.grad, y.data)  # x is all ones: y is the mask, scaled
    assert 0.55 < (y.data > 0).mean() < 0.65


def test_the_same_seed_gives_the_same_masks_for_any_number_of_threads(threads):
    def masks():
        mg.manual_seed(11)
        return [ops.dropout(ones(), 0.5).data for _ in range(3)]

    threads(1)
    expected = masks()
    assert not np.array_equal(expected[0], expected[1])
    for n in (2, 3, 5):
        threads(n)
        assert all(np.array_equal(a, b) for a, b in zip(masks(), expected, strict=True))
    with kernels.use("reference"):
        assert all(np.array_equal(a, b) for a, b in zip(masks(), expected, strict=True))


def test_other_seeds_give_other_masks():
    mg.manual_seed(1)
    first = ops.dropout(ones(), 0.5).data
    mg.manual_seed(2)
    assert 0.4 < (first == ops.dropout(ones(), 0.5).data).mean() < 0.6


def test_two_layers_in_a_row_never_share_random_numbers():
    """Odd sizes too: each call begins at a block of its own."""
    a, b = (ops.dropout(Tensor(np.ones((1, 10_001), np.float32)), 0.5).data for _ in range(2))
    assert 0.45 < (a == b).mean() < 0.55


def test_dropout_is_the_identity_when_not_training_or_with_p_zero():
    x = ones()
    assert ops.dropout(x, 0.5, training=False) is x and ops.dropout(x, 0.0) is x
    assert nn.Dropout(0.5).eval()(x) is x


@pytest.mark.parametrize("p, error, message", [(1, ValueError, "`p` is 1, expected a number below 1"), (1.5, ValueError, "`p` is 1.5"),
                                              (-0.1, ValueError, "`p` is -0.1"), ("x", TypeError, "`p` is 'x', expected a number"),
                                              (float("nan"), ValueError, "`p` is nan")])
def test_a_p_that_is_no_probability_is_refused(p, error, message):
    with pytest.raises(error, match=message):
        ops.dropout(ones(), p)
    with pytest.raises(error, match=message):
        nn.Dropout(p)
