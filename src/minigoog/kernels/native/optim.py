"""One step of stochastic gradient descent, and of a running average (csrc/elementwise.c)."""

from minigoog._native import lib

from ...array_types import Array
from ..reference.optim import check_average, check_sgd
from . import machine
from .pointers import check_float32, dense


def sgd_step(w: Array, dw: Array, v: Array, *, lr: float, momentum: float, weight_decay: float, nesterov: bool = False) -> None:
    """In place: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v, or with `nesterov` w = w - lr * (g + momentum * v)."""
    check_float32("sgd_step", "w", w)
    check_sgd(w, dw, v, lr, momentum, weight_decay, nesterov)
    pointers = [dense("sgd_step", name, a) for name, a in (("dw", dw), ("v", v), ("w", w))]
    lib.mg_sgd(w.size, lr, momentum, weight_decay, bool(nesterov), *pointers, machine.current())


def average_step(average: Array, w: Array, *, decay: float) -> None:
    """In place: average = decay * average + (1 - decay) * w."""
    check_float32("average_step", "average", average)
    check_average(average, w, decay)
    pointers = [dense("average_step", name, a) for name, a in (("w", w), ("average", average))]
    lib.mg_average(w.size, 1 - decay, *pointers, machine.current())
