"""The step of stochastic gradient descent against its formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import U, same_bits
from tests.strategies import numbers, seeds

rates = st.floats(0, 2, width=32)


@pytest.mark.parametrize("kind", ["native", "reference"])
@given(n=st.one_of(st.integers(0, 100), st.just(20_000)), seed=seeds, lr=rates, momentum=rates, weight_decay=rates, nesterov=st.booleans())
def test_a_step_is_the_formula(isa, kind, n, seed, lr, momentum, weight_decay, nesterov):
    w, dw, v = (numbers([seed, i], (n,)) for i in range(3))
    slope = dw + weight_decay * w.astype(np.float64)
    v64 = momentum * v.astype(np.float64) + slope
    direction = slope + momentum * v64 if nesterov else v64
    w64 = w - lr * direction
    size = np.abs(momentum * v) + np.abs(dw) + np.abs(weight_decay * w)
    sizes = np.abs(dw) + np.abs(weight_decay * w) + momentum * size if nesterov else size
    before = dw.copy()
    step = (native if kind == "native" else reference).sgd_step
    step(w, dw, v, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)
    assert same_bits(dw, before)
    assert np.all(np.abs(v - v64) <= 4 * U * size + 1e-44)  # four roundings at most
    assert np.all(np.abs(w - w64) <= (6 if nesterov else 4) * U * lr * sizes + 2 * U * (np.abs(w64) + np.abs(lr * direction)) + 1e-44)


@asked("torch", False, True)
def pytorchs_weights(nesterov):
    import torch

    w = torch.tensor(numbers(0, (37,)), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=nesterov)
    for i in range(5):
        w.grad = torch.tensor(numbers(i + 1, (37,)))
        optimizer.step()
    return {"w": w.detach().numpy()}


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_agree_with_pytorch(isa, nesterov):
    w, v = numbers(0, (37,)).copy(), np.zeros(37, np.float32)
    for i in range(5):
        native.sgd_step(w, numbers(i + 1, (37,)), v, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=nesterov)
    assert np.allclose(w, pytorchs_weights(nesterov)["w"], rtol=1e-5, atol=1e-6)


def test_bits_do_not_depend_on_the_number_of_threads(isa, threads):
    def run(n):
        threads(n)
        w, dw, v = (numbers(i, (100_003,)).copy() for i in range(3))
        native.sgd_step(w, dw, v, lr=0.1, momentum=0.9, weight_decay=0.01)
        return w, v

    expected = run(1)
    for n in (2, 3, 5):
        assert all(same_bits(a, b) for a, b in zip(run(n), expected, strict=True))


@pytest.mark.parametrize("kind", ["native", "reference"])
@given(n=st.one_of(st.integers(0, 100), st.just(20_000)), seed=seeds, decay=st.floats(0, 1, width=32))
def test_a_step_of_the_average_is_the_formula(isa, kind, n, seed, decay):
    average, w = (numbers([seed, i], (n,)) for i in range(2))
    expected = decay * average.astype(np.float64) + (1 - decay) * w.astype(np.float64)
    size = np.abs(average) + np.abs(w)
    (native if kind == "native" else reference).average_step(average, w, decay=decay)
    assert np.all(np.abs(average - expected) <= 4 * U * size + 1e-44)
