"""Adagrad: beside its paper's formula in float64, and beside PyTorch's."""

import numpy as np
import pytest

from minigoog import nn, optim
from tests.strategies import numbers

GRADIENTS = numbers(7, (25, 3))
SETTINGS = [{}, {"lr": 0.3}, {"eps": 0.5}, {"weight_decay": 0.3, "lr": 0.05}]


def stepped(**settings):
    p = nn.Parameter(np.array([1, -2, 0.5], np.float32))
    optimizer = optim.Adagrad([p], **settings)
    for dw in GRADIENTS:
        p.grad = dw
        optimizer.step()
    return p.data


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_adagrad_follows_its_paper(settings):
    how, w, s = {"lr": 1e-2, "eps": 1e-10, "weight_decay": 0.0} | settings, np.array([1, -2, 0.5]), 0
    for dw in GRADIENTS.astype(np.float64):
        g = dw + how["weight_decay"] * w
        s = s + g**2
        w = w - how["lr"] * g / (np.sqrt(s) + how["eps"])
    assert np.allclose(stepped(**settings), w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_adagrad_takes_pytorchs_steps(settings):
    torch = pytest.importorskip("torch")
    p = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    optimizer = torch.optim.Adagrad([p], **settings)
    for dw in GRADIENTS:
        p.grad = torch.tensor(dw)
        optimizer.step()
    assert np.allclose(stepped(**settings), p.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_resumed_adagrad_remembers_its_sums():
    p, q = (nn.Parameter(np.ones(3, np.float32)) for _ in range(2))
    first, second = optim.Adagrad([p], lr=0.1), optim.Adagrad([q], lr=0.7)
    p.grad = np.array([1, 2, 3], np.float32)
    first.step()
    second.load_state_dict(first.state_dict())
    assert second.lr == 0.1 and np.array_equal(second.state[0]["sum"], [1, 4, 9])
