"""Kernels, plans and training steps in which one allocation fails: MemoryError, no memory lost, and the next call is right."""

import gc

import numpy as np
import pytest

import minigoog as mg
from minigoog.kernels import native
from tests.faults import failing_allocation
from tests.strategies import numbers

pytestmark = pytest.mark.skipif(native is None, reason="the C kernels are not in use: the memory is NumPy's")

X, W, B, DY = numbers(0, (2, 40, 40, 16)), numbers(1, (3, 3, 16, 32)), numbers(2, (32,)), numbers(3, (2, 40, 40, 32))


def trained():
    """A step of training: the loss and all gradients."""
    mg.manual_seed(0)
    model = mg.models.TinyInception(norm=True)
    loss = mg.losses.cross_entropy(model(mg.Tensor(numbers(0, (4, 8, 8, 1)))), np.arange(4))
    loss.backward()
    return [loss.data, *(p.grad for p in model.parameters())]


def compiled(model):
    plan = mg.compile(model, (1, 8, 8, 1))
    return [plan(numbers(1, (1, 8, 8, 1)))]


def calls():
    """{name: a function that returns a list of arrays}."""
    mg.manual_seed(0)
    model = mg.models.TinyInception().eval()
    plan, x = mg.compile(model, (8, 8, 8, 1)), numbers(2, (8, 8, 8, 1))
    algorithms = {name: lambda name=name: [native.conv2d(X, W, B, padding=1, algorithm=name)] for name in ("direct", "winograd", "im2col")}
    weight = {f"{name}, weight": lambda name=name: [native.conv2d_weight(X, W.shape, DY, padding=1, algorithm=name)] for name in algorithms}
    return algorithms | weight | {
        "input": lambda: [native.conv2d_input(X.shape, W, DY, padding=1)],
        "pools": lambda: [*native.max_pool2d(X, 3), native.avg_pool2d(X, 3)],
        "plan": lambda: [plan(x)], "compile": lambda: compiled(model), "train": trained,
    }


CALLS = {} if native is None else calls()


@pytest.mark.parametrize("every", [11, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_survives_the_failure_of_each_of_its_allocations(pool, name, every):
    """every: of the long ones, every how many allocations are tried."""
    call = CALLS[name]
    expected = [np.array(a) for a in call()]
    pool.release()
    with failing_allocation(0) as faults:
        call()
    pooled = []
    kinds = faults.kinds()
    gc.collect()  # what earlier tests left would come back during the first call
    for at in kinds[:: every if len(kinds) > 30 else 1] * 2:
        pool.release()
        with failing_allocation(at) as fault, pytest.raises(MemoryError):
            call()
        assert fault.happened
        assert all(np.array_equal(a, b) for a, b in zip(call(), expected, strict=True)), fault.events[-1]
        gc.collect()
        pooled.append(pool.pooled_bytes())
    half = len(pooled) // 2
    assert pooled[:half] == pooled[half:], "memory that was lent did not come back"
