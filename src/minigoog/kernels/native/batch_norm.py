"""Batch normalisation (csrc/batch_norm.c)."""

import numpy as np

from minigoog._native import lib

from ...array_types import Array
from ...checks import check_array, check_out
from ..reference.batch_norm import check_batch_norm
from . import machine, workspace
from .pointers import NULL, check_float32, dense, pixels


def _rows(x: Array) -> tuple[int, int]:
    return x.size // x.shape[-1], x.shape[-1]


def batch_norm(
    x: Array, gamma: Array, beta: Array, *, eps: float, relu: bool = False, out: Array | None = None
) -> tuple[Array, Array, Array]:
    """(y, mean, variance): each channel of `x` [..., c] brought to mean 0 and variance 1, times `gamma` [c], plus `beta` [c]; then
    max(0, .) if `relu`. The variance is the biased one."""
    where = "batch_norm"
    check_float32(where, "x", x)
    check_batch_norm(where, x, eps, relu, gamma=gamma, beta=beta)
    rows, c = _rows(x)
    m = machine.current()
    y = workspace.empty(x.shape) if out is None else check_out(where, out, x.shape, x.dtype, x=x, gamma=gamma, beta=beta)
    mean, variance = np.empty(c, np.float32), np.empty(c, np.float32)
    scratch = workspace.empty((lib.mg_batch_norm_scratch(rows, c),))
    x_at, (y_pointer, ldy) = pixels(where, "x", x), pixels(where, "out", y)
    lib.mg_batch_norm_moments(rows, c, *x_at, *(dense(where, "moments", a) for a in (scratch, mean, variance)), m)
    scale = gamma / np.sqrt(variance + np.float32(eps))
    vectors = [dense(where, name, a) for name, a in (("mean", mean), ("gamma", scale), ("beta", np.ascontiguousarray(beta)))]
    lib.mg_batch_norm(rows, c, *x_at, *vectors, relu, y_pointer, ldy, m)
    return y, mean, variance


def batch_norm_backward(
    x: Array, y: Array, dy: Array, mean: Array, variance: Array, gamma: Array, *, eps: float, relu: bool = False
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) from what `batch_norm` took and returned, and the gradient `dy` of its output `y`."""
    where = "batch_norm_backward"
    check_float32(where, "x", x)
    check_batch_norm(where, x, eps, relu, mean=mean, variance=variance, gamma=gamma)
    check_array(where, "y", y, dtype=x.dtype, shape=x.shape)
    check_array(where, "dy", dy, dtype=x.dtype, shape=x.shape)
    rows, c, m = *_rows(x), machine.current()
    arrays = [*pixels(where, "x", x), *(pixels(where, "y", y) if relu else (NULL, c)), *pixels(where, "dy", dy)]
    mean_pointer = dense(where, "mean", mean)
    scratch = workspace.empty((lib.mg_batch_norm_scratch(rows, c),))
    dbeta, products, dx = np.empty(c, np.float32), np.empty(c, np.float32), workspace.empty(x.shape)
    sums = [dense(where, "sums", a) for a in (scratch, dbeta, products)]
    lib.mg_batch_norm_sums(rows, c, *arrays, mean_pointer, *sums, m)
    inverse = 1 / np.sqrt(variance + np.float32(eps))
    scale = gamma * inverse
    factors = np.stack([scale, -scale * inverse * inverse * products / np.float32(rows), -scale * dbeta / np.float32(rows)])
    lib.mg_batch_norm_backward(rows, c, *arrays, mean_pointer, dense(where, "factors", factors), dense(where, "dx", dx), m)
    return dx, products * inverse, dbeta
