"""Batch normalisation. (Ioffe, Szegedy 2015, arXiv 1502.03167)"""

from typing import Any

import numpy as np

from ...array_types import Array
from ...checks import check_array, check_bool, check_out, check_real
from .activation import relu as relu_of
from .activation import relu_backward
from .sums import total


def check_batch_norm(where: str, x: Array, eps: float, relu: bool, **vectors: Array) -> None:
    """Checks the arguments of both functions, for both kinds of kernels."""
    check_array(where, "x", x, ndim=(2, 4))
    if x.size == 0:
        raise ValueError(f"{where}: `x` has shape {x.shape}, expected values to take the mean of")
    for name, vector in vectors.items():
        check_array(where, name, vector, dtype=x.dtype, shape=x.shape[-1:])
    check_bool(where, "relu", relu)
    if check_real(where, "eps", eps, 0) == 0:
        raise ValueError(f"{where}: `eps` is 0, expected a number above 0")


def batch_norm(
    x: Array, gamma: Array, beta: Array, *, eps: float, relu: bool = False, out: Array | None = None
) -> tuple[Array, Array, Array]:
    """(y, mean, variance): each channel of `x` [..., c] brought to mean 0 and variance 1, times `gamma` [c], plus `beta` [c]; then
    max(0, .) if `relu`. The variance is the biased one."""
    check_batch_norm("batch_norm", x, eps, relu, gamma=gamma, beta=beta)
    if out is not None:
        check_out("batch_norm", out, x.shape, x.dtype, x=x, gamma=gamma, beta=beta)
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = (moment(axis=0, dtype=np.float64).astype(x.dtype) for moment in (rows.mean, rows.var))
    y = (x - mean) * (gamma / np.sqrt(variance + x.dtype.type(eps))) + beta
    y = relu_of(y) if relu else y
    if out is not None:
        out[...] = y
    return (y if out is None else out), mean, variance


def check_gradient_out(out: Array, dy: Array, **read: Any) -> Array:
    """Returns `out` if the gradient of an input can be written there: it may be `dy`, but shares no memory with the others."""
    check_out("batch_norm_backward", out, dy.shape, dy.dtype, **read)
    dx: Array = check_out("batch_norm_backward", out, dy.shape, dy.dtype, elementwise=True, dy=dy)
    return dx


def batch_norm_backward(
    x: Array, dy: Array, mean: Array, variance: Array, gamma: Array, beta: Array, *, eps: float, relu: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) from what `batch_norm` took and returned, and the gradient `dy` of its output. `out`, for dx, may be `dy`."""
    where, vectors = "batch_norm_backward", {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    check_batch_norm(where, x, eps, relu, **vectors)
    check_array(where, "dy", dy, dtype=x.dtype, shape=x.shape)
    dx = np.empty_like(x) if out is None else check_gradient_out(out, dy, x=x, **vectors)
    root = np.sqrt(variance + x.dtype.type(eps))
    dz = relu_backward((x - mean) * (gamma / root) + beta, dy) if relu else dy
    axes = tuple(range(x.ndim - 1))
    normal = (x - mean) / root
    dgamma, dbeta = total(dz * normal, axes), total(dz, axes)
    n = x.dtype.type(x.size // x.shape[-1])
    dx[...] = gamma / root * (dz - (dbeta + normal * dgamma) / n)
    return dx, dgamma, dbeta
