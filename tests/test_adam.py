"""Adam and AdamW: beside their papers' formulas in float64, beside PyTorch's, and what they refuse."""

import numpy as np
import pytest

from minigoog import nn, optim
from tests.answers import asked
from tests.strategies import numbers


def parameter(*values):
    return nn.Parameter(np.array(values, np.float32))


def adam64(w, gradients, *, lr, betas, eps, weight_decay, decoupled):
    """Adam as algorithm 1 of arXiv 1412.6980, and AdamW as algorithm 2 of arXiv 1711.05101, in float64."""
    w, m, v = np.array(w, np.float64), 0, 0
    for t, dw in enumerate(gradients, start=1):
        g = np.array(dw, np.float64) + (0 if decoupled else weight_decay * w)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        step = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        w = w - lr * step - (lr * weight_decay * w if decoupled else 0)
    return w


GRADIENTS = numbers(7, (25, 3))
ADAM_SETTINGS = [
    {}, {"lr": 0.1}, {"betas": (0.5, 0.7)}, {"betas": (0.0, 0.0), "lr": 0.01}, {"eps": 0.5}, {"weight_decay": 0.3, "lr": 0.05},
    {"weight_decay": 0.0},
]


@pytest.mark.parametrize("settings", ADAM_SETTINGS, ids=str)
@pytest.mark.parametrize("kind, decay", [(optim.Adam, 0.0), (optim.AdamW, 0.01)])
def test_adam_and_adamw_follow_their_papers(kind, decay, settings):
    p, start = parameter(1, -2, 0.5), [1, -2, 0.5]
    optimizer = kind([p], **settings)
    for dw in GRADIENTS:
        p.grad = dw
        optimizer.step()
    how = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": decay} | settings
    assert np.allclose(p.data, adam64(start, GRADIENTS, **how, decoupled=kind is optim.AdamW), rtol=1e-5, atol=1e-6)


def steps(p, optimizer, tensor):
    """The parameter after a step for each of the gradients."""
    for dw in GRADIENTS:
        p.grad = tensor(dw)
        optimizer.step()
    return np.array(p.data)


@asked("torch", "Adam", "AdamW")
def pytorchs_steps(kind):
    import torch

    results = {}
    for settings in ADAM_SETTINGS:
        p = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
        results[str(settings)] = steps(p, getattr(torch.optim, kind)([p], **settings), torch.tensor)
    return results


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_adam_and_adamw_do_what_pytorchs_do(kind):
    theirs = pytorchs_steps(kind)
    for settings in ADAM_SETTINGS:
        p = parameter(1, -2, 0.5)
        assert np.allclose(steps(p, getattr(optim, kind)([p], **settings), np.array), theirs[str(settings)], rtol=1e-5, atol=1e-6)


def test_the_first_step_of_adam_is_as_long_as_the_learning_rate_whatever_the_gradient():
    p = parameter(0, 0)
    p.grad = np.array([1e-3, -1e3], np.float32)
    optim.Adam([p], lr=0.5).step()
    assert np.allclose(p.data, [-0.5, 0.5], rtol=1e-4)


def test_adamw_moves_a_weight_with_gradient_0_by_the_decay_alone_but_adam_does_not():
    p, q = parameter(2), parameter(2)
    p.grad, q.grad = np.zeros(1, np.float32), np.zeros(1, np.float32)
    optim.AdamW([p], lr=0.1, weight_decay=0.5).step()
    optim.Adam([q], lr=0.1, weight_decay=0.5).step()
    assert np.isclose(p.data[0], 2 * 0.95) and np.isclose(q.data[0], 1.9)


def test_adam_counts_the_steps_of_each_parameter():
    p, late = parameter(1), parameter(1)
    optimizer = optim.Adam([p, late], lr=0.1)
    p.grad = np.ones(1, np.float32)
    optimizer.step()
    late.grad = np.ones(1, np.float32)
    optimizer.step()
    assert [state["step"] for state in optimizer.state] == [2, 1] and np.isclose(late.data[0], 0.9)


@pytest.mark.parametrize("settings, message", [
    ({"betas": 0.9}, "`betas` is 0.9, expected a pair"), ({"betas": (-1, 0.9)}, "`betas` is -1"),
    ({"betas": (0.9, 1.0)}, r"`betas` is \(0.9, 1.0\), expected two numbers below 1"), ({"eps": -1e-8}, "`eps` is -1e-08"),
    ({"lr": -1}, "`lr` is -1"), ({"decay_vectors": 1}, "`decay_vectors` is 1, expected True or False")])
def test_settings_of_adam_that_make_no_sense_are_refused_by_name(settings, message):
    for kind in (optim.Adam, optim.AdamW):
        with pytest.raises((TypeError, ValueError), match=f"{kind.__name__}: {message}"):
            kind([parameter(1)], **settings)


def test_adam_refuses_a_gradient_of_another_shape_or_type():
    p = parameter(1, 2)
    for grad, message in ((np.ones(1, np.float32), r"`grad` has shape \(1,\)"), (np.ones(2), "`grad` is float64")):
        p.grad = grad
        with pytest.raises((TypeError, ValueError), match=f"Adam: {message}"):
            optim.Adam([p]).step()
    assert p.data.tolist() == [1, 2]
