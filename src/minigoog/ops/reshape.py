"""The same values in another shape."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import Array, Shape
from ..checks import check_int
from ..op import Op
from ..tensor import Tensor, check_tensor


class Reshape(Op):
    """y = x in the shape `shape`."""

    def __init__(self, shape: Shape):
        self.shape = shape

    def forward(self, x: Array) -> Array:
        if math.prod(self.shape) != x.size or min(self.shape, default=0) < 0:
            raise ValueError(f"reshape: `shape` is {self.shape} ({math.prod(self.shape)} values) but `x` has shape {x.shape} ({x.size})")
        return np.ascontiguousarray(x).reshape(self.shape)  # of a slice of channels, a view is no map that kernels take

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.ascontiguousarray(dy).reshape(self.inputs[0].shape),)


def reshape(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """`x` in the shape `shape`, which has as many values; one length may be -1: what is left over."""
    check_tensor("reshape", "x", x)
    return Reshape(_complete(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,), x))(x)


def _complete(shape: Sequence[Any], x: Tensor) -> Shape:
    """`shape` with the length that -1 stands for; all that is wrong with another shape, the operation says."""
    lengths = [check_int("reshape", "shape", n) for n in shape]
    known = math.prod(n for n in lengths if n != -1)
    if lengths.count(-1) == 1 and known > 0 and x.size % known == 0:
        lengths[lengths.index(-1)] = x.size // known
    return tuple(lengths)


def flatten(x: Tensor, start_dim: int = 1) -> Tensor:
    """`x` with the axes from `start_dim` on as one: [n, everything else]; of a feature map in the order height, width, channels."""
    first = check_int("flatten", "start_dim", start_dim, 0, check_tensor("flatten", "x", x).ndim)
    return Reshape((*x.shape[:first], math.prod(x.shape[first:])))(x)
