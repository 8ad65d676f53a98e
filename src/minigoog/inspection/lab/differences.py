"""Central differences, as a learner writes them first: every choice that can go wrong is an argument."""

import numpy as np

from ... import kernels
from ...tensor import Tensor, no_grad


def central_difference(function, at, which=0, *, eps=1e-6, dtype=np.float64):
    """(f(x + eps) - f(x - eps)) / 2 eps with respect to the number `which` of `at`, the numbers that `function` takes as tensors.

    Computed in `dtype` on the reference kernels; what the function gives is one number."""
    with kernels.use("reference"), no_grad():
        above, below = (_value(function, at, which, step, dtype) for step in (dtype(eps), dtype(-eps)))
    return float((above - below) / (2 * dtype(eps)))


def _value(function, at, which, step, dtype):
    """The function's value with `step` added to one of its numbers."""
    numbers = [np.array([x], dtype) for x in at]
    numbers[which] += step
    y = function(*map(Tensor, numbers))
    if y.size != 1:
        raise ValueError(f"central_difference: `function` gives {y.size} values, expected one")
    return y.data.ravel()[0]  # still of `dtype`
