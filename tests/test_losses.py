"""Losses."""

import numpy as np
import pytest

from minigoog import Tensor, losses
from tests.strategies import numbers


def test_the_googlenet_loss_is_the_main_loss_plus_three_tenths_of_each_head():
    """Paper, section 5: "the losses of the auxiliary classifiers were weighted by 0.3"."""
    heads, labels = [Tensor(numbers(i, (4, 5)), requires_grad=True) for i in range(3)], [0, 1, 2, 4]
    parts = [losses.cross_entropy(head, labels).item() for head in heads]
    loss = losses.googlenet_loss(tuple(heads), labels)
    assert np.isclose(loss.item(), parts[0] + 0.3 * parts[1] + 0.3 * parts[2], rtol=1e-6)
    loss.backward()
    alone = Tensor(heads[1].data, requires_grad=True)
    losses.cross_entropy(alone, labels).backward()
    assert np.allclose(heads[1].grad, 0.3 * alone.grad, rtol=1e-5, atol=1e-8)


def test_logits_alone_have_the_plain_loss():
    x = Tensor(numbers(0, (4, 5)))
    assert losses.googlenet_loss(x, [0, 1, 2, 3]).item() == losses.cross_entropy(x, [0, 1, 2, 3]).item()


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    assert np.isclose(losses.cross_entropy(Tensor(np.zeros((3, 1000), np.float32)), [0, 1, 999]).item(), np.log(1000), rtol=1e-6)


def test_cross_entropy_is_the_mean_over_the_batch():
    x = numbers(0, (6, 3))
    whole = losses.cross_entropy(Tensor(x), [0, 1, 2, 0, 1, 2]).item()
    single = [losses.cross_entropy(Tensor(x[i : i + 1]), [i % 3]).item() for i in range(6)]
    assert np.isclose(whole, np.mean(single), rtol=1e-6)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`labels` go from 0 to 5, expected 0 to 4"):
        losses.googlenet_loss((Tensor(np.zeros((2, 5), np.float32)),) * 3, [0, 5])


def test_label_smoothing_spreads_a_share_of_the_target_over_all_classes():
    x, labels, s = numbers(0, (4, 5)).astype(np.float64), [0, 1, 2, 4], 0.3
    log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    target = np.eye(5)[labels] * (1 - s) + s / 5
    loss = losses.cross_entropy(Tensor(x.astype(np.float32)), labels, label_smoothing=s)
    assert np.isclose(loss.item(), -(target * log_p).sum(axis=1).mean(), rtol=1e-6)
    with pytest.raises(ValueError, match="cross_entropy: `label_smoothing` is 1.5"):
        losses.cross_entropy(Tensor(x.astype(np.float32)), labels, label_smoothing=1.5)


@pytest.mark.parametrize("offset", [0, 1e4, -1e6, 1e6])
@pytest.mark.parametrize("s", [0.0, 0.1, 1.0])
def test_the_loss_keeps_its_digits_when_all_logits_share_an_offset(offset, s):
    x, labels = numbers(0, (16, 10)) + np.float32(offset), np.arange(16) % 10
    wide = x.astype(np.float64) - x.max(axis=1, keepdims=True)
    log_p = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    exact = -((1 - s) * log_p[np.arange(16), labels] + s * log_p.mean(axis=1)).mean()
    assert np.isclose(losses.cross_entropy(Tensor(x), labels, label_smoothing=s).item(), exact, rtol=1e-6)


def test_the_smoothed_loss_of_a_masked_class_is_infinite_and_of_an_infinite_logit_nan():
    """As in PyTorch 2.13, and without a warning."""
    for bad, expected in ((-np.inf, np.inf), (np.inf, np.nan), (np.nan, np.nan)):
        x = Tensor(np.array([[1, bad, 0]], np.float32))
        assert np.array_equal(losses.cross_entropy(x, [0], label_smoothing=0.1).item(), expected, equal_nan=True)
    assert np.isnan(losses.cross_entropy(Tensor([[0.0, -np.inf]]), [1], label_smoothing=1).item())  # 0 times infinity
    assert losses.cross_entropy(Tensor([[3e38, -3e38]]), [1], label_smoothing=0.1).item() == np.inf


def test_heads_of_weight_0_get_no_gradient_at_all():
    heads = [Tensor(numbers(i, (2, 3)), requires_grad=True) for i in range(3)]
    losses.googlenet_loss(tuple(heads), [0, 1], aux_weight=0).backward()
    assert heads[0].grad is not None and heads[1].grad is None and heads[2].grad is None


# ---- distillation ----


@pytest.mark.parametrize("t", [1.0, 4.0])
def test_distillation_is_the_divergence_of_softened_probabilities_times_the_square_of_the_temperature(t):
    """Hinton et al. 2015: the gradient is T (softmax(z / T) - softmax(v / T)) / n for logits z and a teacher's v."""
    z, v = numbers(0, (6, 5)), 3 * numbers(1, (6, 5))
    p, q = (np.exp(a.astype(np.float64) / t) / np.exp(a.astype(np.float64) / t).sum(axis=1, keepdims=True) for a in (v, z))
    x = Tensor(z, requires_grad=True)
    loss = losses.distillation(x, v, t)
    assert np.isclose(loss.item(), t * t * (p * np.log(p / q)).sum(axis=1).mean(), rtol=1e-5)
    loss.backward()
    assert np.allclose(x.grad, t * (q - p) / 6, rtol=1e-4, atol=1e-7)


def test_nothing_is_to_be_learned_from_a_teacher_of_the_same_opinion():
    x = Tensor(numbers(0, (6, 5)), requires_grad=True)
    loss = losses.distillation(x, x.data + 7, 2)
    loss.backward()
    assert abs(loss.item()) < 1e-5 and np.abs(x.grad).max() < 1e-6


@pytest.mark.parametrize("teacher, temperature, message", [
    (np.zeros((6, 4), np.float32), 1, r"`teacher` has shape \(6, 4\), expected \(6, 5\)"),
    (np.zeros((6, 5), np.float32), 0, "`temperature` is 0, expected a number above 0"),
])  # fmt: skip
def test_a_teacher_that_does_not_fit_is_refused(teacher, temperature, message):
    with pytest.raises(ValueError, match="distillation: " + message):
        losses.distillation(Tensor(numbers(0, (6, 5))), teacher, temperature)
