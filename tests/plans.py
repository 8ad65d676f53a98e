"""What the tests of compiled plans share."""

import numpy as np

import minigoog as mg


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def eager(model, x):
    model.eval()
    with mg.no_grad():
        return model(mg.Tensor(x)).data


def assert_same(model, x):
    """The plan's answers are the tape's to the bit, also after other inputs: the kernels and their order of sums are the same.

    A product that several convolutions share takes the same sums in the same order too."""
    expected = eager(model, x)
    plan = mg.compile(model, x.shape)
    first, other, again = plan(x), plan(random(x.shape, 1234)), plan(x)
    assert np.array_equal(first, expected)
    assert np.array_equal(again, first) and (x.size == 0 or not np.array_equal(other, first) or not first.any())
    return plan
