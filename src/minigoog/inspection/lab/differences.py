"""Central differences as a beginner writes them: every choice that can go wrong is an argument."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ... import kernels
from ...tensor import Tensor, no_grad


def central_difference(
    function: Callable[..., Tensor], at: Sequence[float], which: int = 0, *, eps: float = 1e-6, dtype: type[np.floating[Any]] = np.float64
) -> float:
    """(f(x + eps) - f(x - eps)) / 2 eps with respect to number `which` of `at`, the numbers passed to `function` as tensors.

    Computed in `dtype` on the reference kernels; the function returns one number."""
    with kernels.use("reference"), no_grad():
        above, below = (_value(function, at, which, step, dtype) for step in (dtype(eps), dtype(-eps)))
    return float((above - below) / (2 * dtype(eps)))


def _value(function: Callable[..., Tensor], at: Sequence[float], which: int, step: Any, dtype: DTypeLike) -> Any:
    """The function's value with `step` added to one of its numbers."""
    numbers = [np.array([x], dtype) for x in at]
    numbers[which] += step
    y = function(*map(Tensor, numbers))
    if y.size != 1:
        raise ValueError(f"central_difference: `function` gives {y.size} values, expected one")
    return y.data.ravel()[0]  # still of `dtype`
