"""Dropout with random numbers that are a function of (seed, position) (csrc/dropout.c)."""

from minigoog._native import lib

from ...array_types import Array
from ..reference.dropout import check_dropout, threshold
from . import machine, workspace
from .pointers import check_float32, dense


def dropout(x: Array, p: float, *, seed: int, offset: int) -> Array:
    """`x` with each number dropped (0) with probability `p` < 1 and the others divided by 1 - p; it is its own gradient.

    The mask is a function of `seed`, `offset` and the position alone. (Srivastava et al. 2014, "inverted")"""
    check_float32("dropout", "x", x)
    p = check_dropout(x, p, seed, offset)
    y = workspace.empty(x.shape)
    pointers = dense("dropout", "x", x), dense("dropout", "y", y)
    lib.mg_dropout(x.size, seed, offset, threshold(p), 1 / (1 - p), *pointers, machine.current())
    return y
