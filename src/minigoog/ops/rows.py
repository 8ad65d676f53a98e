"""What operations with one number for each channel share."""

import math
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array


def as_rows(x: Array, *vectors: Array) -> list[Array]:
    """`x` [..., w, c] as [n, w * c], and each vector [c] repeated to [w * c]: NumPy is slow where its inner loop is as short as c."""
    w = x.shape[-2] if x.ndim > 1 else 1
    return [x.reshape(math.prod(x.shape[:-2]), w * x.shape[-1]), *(np.tile(vector, w) for vector in vectors)]


def column_sums(dy: Array) -> Array:
    """The sum over all axes of `dy` [..., c] but the last."""
    return kernels.conv2d_bias(dy if dy.ndim <= 4 else dy.reshape(math.prod(dy.shape[:-1]), dy.shape[-1]))


def before_relu(op: Any, dy: Array, overwrite: bool = False) -> tuple[Array, Array | None]:
    """(dz, db) of an operation y = relu(z), or y = z if not `op.relu`: the gradients of z and of the bias, its third input, if it has one.

    overwrite: whether dz may take the place of `dy`."""
    has_bias, out = len(op.inputs) == 3, dy if overwrite else None
    if not op.relu:
        return dy, kernels.conv2d_bias(dy) if has_bias else None
    return kernels.relu_bias_backward(op.y, dy, out=out) if has_bias else (kernels.relu_backward(op.y, dy, out=out), None)
