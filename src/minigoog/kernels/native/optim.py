"""One step of stochastic gradient descent (csrc/elementwise.c)."""

from minigoog._native import lib

from ..reference.optim import check_sgd
from .pointers import check_float32, dense


def sgd_step(w, dw, v, *, lr, momentum, weight_decay):
    """In place: v = momentum * v + dw + weight_decay * w; w = w - lr * v."""
    check_float32("sgd_step", "w", w)
    check_sgd(w, dw, v, lr, momentum, weight_decay)
    pointers = [dense("sgd_step", name, a) for name, a in (("dw", dw), ("v", v), ("w", w))]
    lib.mg_sgd(w.size, lr, momentum, weight_decay, *pointers)
