"""How wide a network may be: for a budget of multiply-adds, exactly counted, and for one of milliseconds, measured."""

import math
import statistics
import time
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ... import rng
from ...array_types import Shape
from ...compile import compile as plan_of
from ...nn import Module, evaluation_mode
from ...ops.conv import Conv2d
from ...ops.linear import Linear
from ...ops.sparse_conv import SparseConv2d
from ...tensor import Tensor
from ..speed.contest import one_thread
from ..speed.turns import Key, Run, take_turns
from .networks import Build, Task

WIDEST, FINEST = 16.0, 1e-4  # the search for widths: the upper limit, and the tolerance
EQUAL = 0.03  # share by which "equal" milliseconds may differ; others are marked
TRIES, CLOSE = 6, 0.015  # the search for equal milliseconds: how often widths are corrected, and those that need no correction
Widths: TypeAlias = dict[str, float]
Times: TypeAlias = dict[tuple[str, float], float]
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
    weights, measured in turns, as time of the processor on one thread, which other programs disturb least."""
    x = np.random.default_rng(0).standard_normal((BATCH, *task.shape), np.float32)
    with rng.undisturbed():
        plans = {name: plan_of(build(width, task, norm=False).eval(), x.shape) for name, (build, width) in builds.items()}
    with one_thread():
        times = take_turns({name: partial(_seconds, partial(plan, x)) for name, plan in plans.items()}, ROUNDS)
    return {name: 1000 / BATCH * each for name, each in undisturbed(times).items()}


def _seconds(run: Run) -> float:
    """Time of the processor that a call takes, after one that is not timed."""
    run()
    start = time.process_time()
    run()
    return time.process_time() - start


def undisturbed(times: dict[Key, list[float]]) -> dict[Key, float]:
    """One time for each from what its turns took: the median of its shares of a round, times the median round.

    What slows a whole round, such as another program, changes no share."""
    rounds = [statistics.median(each) for each in zip(*times.values(), strict=True)]
    shares = {name: statistics.median(t / whole for t, whole in zip(each, rounds, strict=True)) for name, each in times.items()}
    return {name: share * statistics.median(rounds) for name, share in shares.items()}


def equal_in_time(builds: dict[str, Build], widths: dict[str, float], reference: str, task: Task) -> tuple[Widths, Times]:
    """({name: width} near `widths` at which every network takes as long as the one named `reference`, milliseconds of both widths of all).

    All are measured together, in turns. While one is further than EQUAL from the reference, those that are not close get another width, and
    all are measured again, TRIES times at most. A network has one time, even where both widths are the same."""
    found = dict(widths)
    for left in reversed(range(TRIES + 1)):
        ms = timed({(name, its[name]): (builds[name], its[name]) for its in (widths, found) for name in builds}, task)
        ratios = {name: ms[name, found[name]] / ms[reference, widths[reference]] for name in builds}
        if not left or all(abs(ratio - 1) <= EQUAL for ratio in ratios.values()):
            break
        for name, ratio in ratios.items():
            if abs(ratio - 1) > CLOSE:
                found[name] /= math.sqrt(ratio)  # most layers cost the square of their width
    return found, ms
