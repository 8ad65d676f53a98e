"""How wide a network may be: for a budget of multiply-adds, exactly counted, and for one of milliseconds, measured."""

import math
import statistics
from functools import partial
from typing import Any

import numpy as np

from ... import rng
from ...array_types import Shape
from ...compile import compile as plan_of
from ...nn import Module, evaluation_mode
from ...ops.conv import Conv2d
from ...ops.linear import Linear
from ...ops.sparse_conv import SparseConv2d
from ...tensor import Tensor
from ..speed.turns import Key, seconds, take_turns
from .networks import Build, Task

WIDEST, FINEST = 16.0, 1e-4  # the search for widths: the upper limit, and the tolerance
TRIES, CLOSE = 6, 0.02  # the search for equal milliseconds: how often widths are corrected, and the tolerance
BATCH, ROUNDS = 64, 9  # images and repetitions of a measurement


def multiply_adds(model: Module, shape: Shape) -> int:
    """Multiply-adds of `model`, in evaluation, for one image of `shape`, summed over the operations that really run."""
    with evaluation_mode(model):
        tape = model(Tensor(np.zeros((1, *shape), np.float32))).tape()
    return sum(map(_of_op, tape))


def cost_of(model: Module, shape: Shape) -> dict[str, int]:
    """{"multiply_adds" for one image of `shape`, "parameters"}."""
    return {"multiply_adds": multiply_adds(model, shape), "parameters": sum(p.size for p in model.parameters())}


def _of_op(op: Any) -> int:
    """Multiply-adds of one operation: of convolutions and linear layers; all others count as 0."""
    kind = type(op)
    if kind is SparseConv2d:
        return int(math.prod(op.y.shape[:3]) * op.pattern.n_weights)
    if kind is Conv2d:
        return int(op.y.size * math.prod(op.w.shape[:3]))
    return int(op.x.shape[0] * op.w.size) if kind is Linear else 0


def width_for(build: Build, budget: float, task: Task) -> float:
    """The width at which build(width, task) is nearest to `budget` multiply-adds for an image."""

    def cost(width: float) -> int:
        with rng.undisturbed():
            return multiply_adds(build(width, task), task.shape)

    low, high = 0.0, 1 / 64
    while cost(high) < budget:
        if (high := 2 * high) > WIDEST:
            raise ValueError(f"width_for: `budget` is {budget:,.0f} multiply-adds, expected less than width {WIDEST:g} needs")
        low = high / 2
    while high - low > FINEST:
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) < budget else (low, middle)
    return min((low, high), key=lambda width: abs(cost(width) - budget))


def timed(builds: dict[Key, tuple[Build, float]], task: Task) -> dict[Key, float]:
    """Milliseconds of one image for each {name: (build, width)}: compiled for batches, with normalisation folded into the
    weights, measured in turns; the median."""
    x = np.random.default_rng(0).standard_normal((BATCH, *task.shape), np.float32)
    with rng.undisturbed():
        plans = {name: plan_of(build(width, task, norm=False).eval(), x.shape) for name, (build, width) in builds.items()}
    times = take_turns({name: partial(seconds, partial(plan, x)) for name, plan in plans.items()}, ROUNDS)
    return {name: 1000 / BATCH * statistics.median(each) for name, each in times.items()}


def widths_for_equal_time(builds: dict[str, Build], widths: dict[str, float], reference: str, task: Task) -> dict[str, float]:
    """{name: width} near `widths` at which every network of {name: build} takes as long for an image as the one named `reference`."""
    widths = dict(widths)
    for _ in range(TRIES):
        ms = timed({name: (build, widths[name]) for name, build in builds.items()}, task)
        for name, build in builds.items():
            ratio = ms[name] / ms[reference]
            if abs(ratio - 1) > CLOSE:
                widths[name] = width_for(build, multiply_adds(build(widths[name], task), task.shape) / ratio, task)
    return widths
