"""A step of gradient descent with momentum (chapter 10)."""

import numpy as np

from ...array_types import Array
from ...kernels import reference
from ..exercise import Case, Exercise

Step = tuple[Array, Array]


def momentum(w: Array, dw: Array, v: Array, lr: float, momentum: float) -> Step:
    """One step of stochastic gradient descent with momentum, as in PyTorch and chapter 10.

    w: weights, dw: their gradient, v: the velocity before the step. The new velocity is `momentum` times the old one plus the gradient,
    and the weights move `lr` times the new velocity against it.
    Returns the new w and the new v."""
    v = momentum * v + dw
    return w - lr * v, v


def _expected(w: Array, dw: Array, v: Array, lr: float, momentum: float) -> Step:
    w, v = w.copy(), v.copy()
    reference.sgd_step(w, dw, v, lr=lr, momentum=momentum, weight_decay=0.0)
    return w, v


def _case(about: str, w: list[float], dw: list[float], v: list[float], lr: float, rate: float) -> Case:
    arrays = {name: np.array(a, np.float32) for name, a in (("w", w), ("dw", dw), ("v", v))}
    return Case(about, {**arrays, "lr": lr, "momentum": rate})


EXERCISE = Exercise(
    momentum, _expected, title="a step with momentum", chapter=10, results=("w", "v"),
    cases=(
        _case("the first step: the velocity is 0", [1, 2], [2, -4], [0, 0], 0.1, 0.9),
        _case("a later step", [1, 2, 3], [1, 1, -1], [10, -10, 0], 0.1, 0.9),
        _case("another momentum", [0, 1], [4, 2], [8, 8], 0.5, 0.25),
        _case("a gradient of 0: the ball rolls on", [5, 5], [0, 0], [1, -2], 0.01, 0.9),
    ),
    mistakes={
        "There is no momentum in the weights' step: it is lr * dw, expected lr times the new velocity.":
            lambda w, dw, v, lr, momentum: (w - lr * dw, momentum * v + dw),
        "The step uses the old velocity, expected the new one: first v, then w.":
            lambda w, dw, v, lr, momentum: (w - lr * v, momentum * v + dw),
        "The gradient is multiplied by 1 - momentum: that is a moving average, and its steps are ten times smaller at momentum 0.9.":
            lambda w, dw, v, lr, momentum: (w - lr * (momentum * v + (1 - momentum) * dw), momentum * v + (1 - momentum) * dw),
        "lr is inside the velocity: with a constant lr the steps are the same, but v is not. Here v = momentum * v + dw.":
            lambda w, dw, v, lr, momentum: (w - (momentum * v + lr * dw), momentum * v + lr * dw),
        "The weights go up the slope: the step is against the gradient, w - lr * v.":
            lambda w, dw, v, lr, momentum: (w + lr * (momentum * v + dw), momentum * v + dw),
        "The velocity is not kept: it comes back as it was, so the next step forgets this one.":
            lambda w, dw, v, lr, momentum: (w - lr * (momentum * v + dw), v),
        "That is Nesterov's momentum: w - lr * (dw + momentum * v). Plain momentum is w - lr * v.":
            lambda w, dw, v, lr, momentum: (w - lr * (dw + momentum * (momentum * v + dw)), momentum * v + dw),
        "w and v are exchanged: the new w comes first.": lambda w, dw, v, lr, momentum: momentum_swapped(w, dw, v, lr, momentum),
    },
    hints=(
        "Two lines: first the new velocity from the old one and the gradient, then the new weights from the new velocity.",
        "With v = 0 the first step is plain gradient descent: w - lr * dw.",
    ),
)  # fmt: skip


def momentum_swapped(w: Array, dw: Array, v: Array, lr: float, rate: float) -> Step:
    """A wrong answer: the results in the other order."""
    w, v = momentum(w, dw, v, lr, rate)
    return v, w
