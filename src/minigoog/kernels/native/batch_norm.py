"""Batch normalisation (csrc/batch_norm.c)."""

import numpy as np

from minigoog._native import lib

from ...array_types import Array
from ...checks import check_array, check_out
from ..reference.batch_norm import check_batch_norm, check_gradient_out
from . import machine, workspace
from .pointers import check_float32, dense, pixels


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
    given = [*pixels(where, "x", x), *(dense(where, n, np.ascontiguousarray(a)) for n, a in (("gamma", gamma), ("beta", beta)))]
    made = [dense(where, "moments", a) for a in (scratch, mean, variance)]
    lib.mg_batch_norm(rows, c, *given, eps, relu, *made, *pixels(where, "out", y), m)
    return y, mean, variance


def batch_norm_backward(
    x: Array, dy: Array, mean: Array, variance: Array, gamma: Array, beta: Array, *, eps: float, relu: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) from what `batch_norm` took and returned, and the gradient `dy` of its output. `out`, for dx, may be `dy`.

    With `relu` the zeros of the output are computed once more, with the same bits: it need not be kept, nor read."""
    where = "batch_norm_backward"
    check_float32(where, "x", x)
    vectors = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    check_batch_norm(where, x, eps, relu, **vectors)
    check_array(where, "dy", dy, dtype=x.dtype, shape=x.shape)
    dx = workspace.empty(x.shape) if out is None else check_gradient_out(out, dy, x=x, **vectors)
    rows, c, m = *_rows(x), machine.current()
    given = [*pixels(where, "x", x), *pixels(where, "dy", dy)]
    given += [dense(where, name, np.ascontiguousarray(vector)) for name, vector in vectors.items()]
    scratch = workspace.empty((lib.mg_batch_norm_scratch(rows, c),))
    dgamma, dbeta = np.empty(c, np.float32), np.empty(c, np.float32)
    made = [dense(where, "sums", a) for a in (scratch, dgamma, dbeta)]
    lib.mg_batch_norm_backward(rows, c, *given, eps, relu, *made, *pixels(where, "out", dx), m)
    return dx, dgamma, dbeta
