"""Softmax and cross-entropy: against float64, far out where naive ones overflow, and against PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import SMALLEST, U, same_bits, unchanged
from tests.strategies import numbers, seeds

TINY = 2 * SMALLEST  # exp and the scale each round to a multiple of the smallest float


@st.composite
def logits(draw):
    """[n, classes] of any spread, around any offset."""
    n, c = draw(st.integers(0, 9)), draw(st.one_of(st.integers(1, 70), st.just(1000)))
    spread, offset = draw(st.sampled_from([0.0, 1e-3, 1.0, 10.0, 1e4])), draw(st.sampled_from([0.0, 1.0, -100.0, 1e4, -1e4]))
    return numbers(draw(seeds), (n, c)) * np.float32(spread) + np.float32(offset)


def labels_of(x):
    return np.random.default_rng(x.size).integers(0, x.shape[1], len(x))


def relative_error(x):
    """What rounding x - max(x) once, exp (2 ulp), a sum of c terms, and two more operations cost, relative to the softmax."""
    far = np.minimum(np.abs(x - x.max(axis=1, keepdims=True)), 100) if x.size else x
    return U * (2 * far + 2 * far.max(axis=1, keepdims=True, initial=0) + 4 + 4 + 2 * np.sqrt(x.shape[1]) + 4)


@given(x=logits())
def test_softmax_matches_float64(isa, x):
    with unchanged(x):
        y = native.softmax(x)
    exact = reference.softmax(x.astype(np.float64))
    assert np.all(np.abs(y - exact) <= relative_error(x) * exact + TINY)
    assert np.allclose(y.sum(axis=1, dtype=np.float64), 1, atol=1e-5)


@given(x=logits(), seed=seeds)
def test_softmax_gradient_matches_float64(isa, x, seed):
    y, dy = native.softmax(x), numbers(seed, x.shape)
    with unchanged(y, dy):
        dx = native.softmax_backward(y, dy)
    y64, dy64 = y.astype(np.float64), dy.astype(np.float64)
    magnitude = y64 * (np.abs(dy64) + (y64 * np.abs(dy64)).sum(axis=1, keepdims=True))
    assert np.all(np.abs(dx - reference.softmax_backward(y64, dy64)) <= (6 + 2 * np.sqrt(x.shape[1])) * U * magnitude + TINY)


@given(x=logits())
def test_cross_entropy_matches_float64(isa, x):
    """The loss is log(sum exp(x - max)) - (x[label] - max): nothing in it is as large as an offset that all logits share."""
    labels = labels_of(x)
    with unchanged(x, labels):
        losses, probabilities = native.cross_entropy(x, labels)
    exact, exact_probabilities = reference.cross_entropy(x.astype(np.float64), labels)
    assert np.all(np.abs(probabilities - exact_probabilities) <= relative_error(x) * exact_probabilities + TINY)
    assert losses.shape == exact.shape and losses.dtype == np.float32
    assert np.all(np.abs(losses - exact) <= relative_error(x).max(axis=1, initial=0) + 4 * U * (1 + np.abs(exact)))


def test_cross_entropy_keeps_its_digits_when_all_logits_share_an_offset(isa):
    losses, _ = native.cross_entropy(np.full((1, 2), 10_000, np.float32), [0])
    assert abs(losses[0] - np.log(2)) <= 4 * U  # ln 2: two equal classes


@given(x=logits(), scale=st.sampled_from([1.0, 0.3, 1 / 32, -2.0]))
def test_cross_entropy_gradient_matches_float64(isa, x, scale):
    labels = labels_of(x)
    probabilities = native.softmax(x)
    with unchanged(probabilities, labels):
        dx = native.cross_entropy_backward(probabilities, labels, scale)
    exact = reference.cross_entropy_backward(probabilities.astype(np.float64), labels, scale)
    one_hot = np.eye(x.shape[1])[labels]
    assert np.all(np.abs(dx - exact) <= 4 * U * abs(scale) * (probabilities + one_hot) + 1e-44)


@pytest.mark.parametrize("offset", [0, 1e4, -1e4, 1e30])
def test_rows_far_from_zero_give_finite_results(isa, offset):
    x = np.array([[0, 1, 2], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], np.float32) + np.float32(offset)
    y = native.softmax(x)
    assert np.all(np.isfinite(y)) and np.allclose(y.sum(axis=1), 1, atol=1e-6)


def test_a_hopeless_row_has_a_finite_loss_and_gradient(isa):
    """The label's probability rounds to 0; -log(probability) would be infinite, log(sum) - logit is not."""
    losses, probabilities = native.cross_entropy(np.array([[1e4, -1e4, 0], [88, -88, 0]], np.float32), [1, 1])
    assert np.allclose(losses, [2e4, 176], rtol=1e-6)
    assert np.all(np.isfinite(native.cross_entropy_backward(probabilities, [1, 1], 1.0)))


def test_one_class_is_certain(isa):
    x = numbers(0, (5, 1)) * 100
    losses, probabilities = native.cross_entropy(x, np.zeros(5, int))
    assert np.all(probabilities == 1) and np.all(np.abs(losses) == 0)
    assert np.all(native.softmax_backward(probabilities, x) == 0)


@pytest.mark.parametrize("c", [3, 16, 17, 40])
def test_a_nan_makes_its_row_nan_and_no_other(isa, c):
    x = numbers(0, (3, c))
    for place in (0, c // 2, c - 1):
        bad = x.copy()
        bad[1, place] = np.nan
        y = native.softmax(bad)
        assert np.all(np.isnan(y[1])) and same_bits(y[[0, 2]], native.softmax(x)[[0, 2]])


@pytest.mark.parametrize("kernels", [native, reference])
@pytest.mark.parametrize("masked", [-np.inf, -1e30, -1e4, -104])
def test_a_masked_class_has_probability_zero_and_the_others_what_is_left(isa, kernels, masked):
    x = np.array([[0, masked, 0], [1, masked, masked]], np.float32)
    assert np.array_equal(kernels.softmax(x), [[0.5, 0, 0.5], [1, 0, 0]])
    losses, probabilities = kernels.cross_entropy(x, [0, 0])
    assert np.array_equal(probabilities, [[0.5, 0, 0.5], [1, 0, 0]]) and losses[1] == 0


def test_small_probabilities_fade_to_zero_through_the_smallest_floats(isa):
    """From e^-87 to e^-104, half the smallest float, without a jump; TINY covers the rounding there."""
    x = np.stack([np.zeros(200), -np.linspace(86, 106, 200)], axis=1).astype(np.float32)
    y, exact = native.softmax(x)[:, 1], np.exp(x[:, 1].astype(np.float64))
    assert np.all(np.abs(y - exact) <= 8 * U * exact + TINY) and np.all(np.diff(y) <= 0) and y[-1] == 0


@pytest.mark.parametrize("kernels", [native, reference])
def test_rows_without_a_finite_largest_logit_are_nan_as_in_pytorch(isa, kernels):
    """PyTorch 2.13: softmax of (inf, 0), of (-inf, -inf) and of (nan, 0) is nan everywhere; the loss too."""
    x = np.array([[np.inf, 0], [-np.inf, -np.inf], [np.nan, 0]], np.float32)
    assert np.all(np.isnan(kernels.softmax(x)))
    assert np.all(np.isnan(kernels.cross_entropy(x, [0, 0, 0])[0]))


@pytest.mark.parametrize("kernels", [native, reference])
def test_the_loss_of_a_masked_label_is_infinite_and_its_gradient_is_not(isa, kernels):
    losses, probabilities = kernels.cross_entropy(np.array([[0, -np.inf]], np.float32), [1])
    assert np.array_equal(losses, [np.inf]) and np.array_equal(kernels.cross_entropy_backward(probabilities, [1], 1.0), [[1, -1]])


LOGITS, LABELS = numbers(0, (16, 10)) * 5, np.arange(16) % 10


@asked("torch")
def pytorchs_cross_entropy():
    import torch

    x = torch.tensor(LOGITS, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.tensor(LABELS))
    loss.backward()
    return {"loss": loss.item(), "dx": x.grad.numpy()}


def test_cross_entropy_and_its_gradient_agree_with_pytorch(isa):
    theirs = pytorchs_cross_entropy()
    losses, probabilities = native.cross_entropy(LOGITS, LABELS)
    assert np.isclose(losses.mean(), theirs["loss"], rtol=1e-6)
    assert np.allclose(native.cross_entropy_backward(probabilities, LABELS, 1 / 16), theirs["dx"], atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.uint64, ">i4"])
def test_labels_of_any_integer_type_are_accepted(isa, dtype):
    x = numbers(0, (4, 5))
    expected = native.cross_entropy(x, np.array([0, 4, 2, 1]))[0]
    assert same_bits(native.cross_entropy(x, np.array([0, 4, 2, 1], dtype))[0], expected)
    assert same_bits(native.cross_entropy(x, np.array([0, 9, 4, 9, 2, 9, 1, 9], dtype)[::2])[0], expected)


def test_bits_do_not_depend_on_the_number_of_threads(isa, threads):
    x, labels = numbers(0, (300, 131)), np.arange(300) % 131

    def results():
        losses, probabilities = native.cross_entropy(x, labels)
        return [native.softmax(x), native.softmax_backward(probabilities, x), losses,
                native.cross_entropy_backward(probabilities, labels, 0.5)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(a, b) for a, b in zip(results(), expected, strict=True))
