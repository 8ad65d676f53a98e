"""Dropout with random numbers that are a function of (seed, position) (csrc/dropout.c)."""

from minigoog._native import lib

from ...checks import check_int
from ..reference.dropout import threshold
from . import workspace
from .pointers import check_float32, dense


def dropout(x, p, *, seed, offset):
    """`x` with each number dropped (0) with probability `p` < 1 and the others divided by 1 - p; it is its own gradient.

    The mask is a function of `seed`, `offset` and the position alone. (Srivastava et al. 2014, "inverted")"""
    check_float32("dropout", "x", x)
    drop = threshold(p)
    seed, offset = check_int("dropout", "seed", seed, 0), check_int("dropout", "offset", offset, 0)
    y = workspace.empty(x.shape)
    lib.mg_dropout(x.size, seed, offset, drop, 1 / (1 - p), dense("dropout", "x", x), dense("dropout", "y", y))
    return y
