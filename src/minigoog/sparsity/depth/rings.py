"""A plain stack of 5x5 filters whose outer rings of weights vanish where the task does not want them: a group lasso in training."""

from collections.abc import Sequence

import numpy as np

from ...array_types import Array, BoolArray
from ...nn import Conv2d
from ...short_training import accuracy, learn
from ..accuracy.pictures import Pictures
from ..runner.demonstration import Numbers
from .plain_stack import PlainStack, layer_maps

SIZES = (1, 3, 5)  # the support of a filter that has neither ring 1 nor 2, not ring 2, ring 2
LEAST = 0.1  # of a filter's norm: a ring of less (a hundredth of the energy) is gone, though noise of the steps keeps it from being 0
ALIVE = 1e-3  # a filter whose ReLU passes less than this share of the pixels counts as dead
DISTANCE = np.maximum(*np.abs(np.indices((5, 5)) - 2))  # of each weight from the centre: the ring that it is in


def shrink(weight: Array, by: float) -> None:
    """One proximal step: the norm of each of the two outer rings of each filter of `weight` [5, 5, cin, cout] falls by `by`, at least to 0.

    (Yuan, Lin 2006; the penalty is the sum of these norms, SGD takes the step of the loss)"""
    for ring in (1, 2):
        group = weight[ring == DISTANCE]  # [8 or 16, cin, cout]
        norms = np.sqrt(np.square(group, dtype=np.float64).sum(axis=(0, 1)))
        factor = np.maximum(1 - by / np.maximum(norms, np.finfo(float).tiny), 0)
        weight[ring == DISTANCE] = group * factor.astype(weight.dtype)


def train(model: PlainStack, train: Pictures, plan: Numbers, strength: float, seed: int) -> None:
    """Trains `model` in place; a ring that the loss does not hold back loses `strength` of its norm in all."""
    convs = convolutions(model)
    total = 0.5 * plan["lr"] * plan["epochs"] * max(len(train) // 64, 1)  # the sum of all learning rates of `learn`

    def after_step(rate: float) -> None:
        for conv in convs if strength else ():
            shrink(conv.weight.data, strength * rate / total)
            conv.weight.mark_written("the group lasso")

    learn(model, *train, epochs=plan["epochs"], lr=plan["lr"], seed=seed, after_step=after_step)


def convolutions(model: PlainStack) -> list[Conv2d]:
    """The convolutions of a stack, the first one first."""
    return [module for module in model.modules() if isinstance(module, Conv2d)]


def found(model: PlainStack, test: Pictures) -> Numbers:
    """{"accuracy", "layers": for each the number of live filters with each support, and of dead ones}."""
    layers = []
    for conv, maps in zip(convolutions(model), layer_maps(model, test.images), strict=True):
        live = (maps > 0).mean(axis=(0, 1, 2)) >= ALIVE
        sizes = supports(conv.weight.data)
        layers.append({"filters": [int((live & (sizes == size)).sum()) for size in SIZES], "dead": int((~live).sum())})
    return {"accuracy": accuracy(model, *test), "layers": layers}


def supports(weight: Array) -> Array:
    """The support of each filter of `weight` [5, 5, cin, cout]: 1, 3 or 5."""
    energy = np.square(weight, dtype=np.float64).sum(axis=2)
    least = LEAST**2 * energy.sum(axis=(0, 1))
    used: list[BoolArray] = [energy[ring == DISTANCE].sum(axis=0) > least for ring in (1, 2)]
    sizes: Array = np.where(used[1], 5, np.where(used[0], 3, 1))
    return sizes


def mean_size(filters: Sequence[int]) -> float:
    """The mean support of these numbers of filters of SIZES; NaN if there are none."""
    return float(np.dot(SIZES, filters) / sum(filters)) if sum(filters) else float("nan")
