"""The same values in another shape."""

import math
from collections.abc import Sequence

from ..array_types import Array, Shape
from ..op import Op
from ..tensor import Tensor


class Reshape(Op):
    """y = x in the shape `shape`."""

    def __init__(self, shape: Shape):
        self.shape = shape

    def forward(self, x: Array) -> Array:
        if math.prod(self.shape) != x.size:
            raise ValueError(f"reshape: `shape` is {self.shape} ({math.prod(self.shape)} values) but `x` has shape {x.shape} ({x.size})")
        return x.reshape(self.shape)

    def backward(self, dy: Array) -> tuple[Array]:
        return (dy.reshape(self.inputs[0].shape),)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """`x` in the shape `shape`, which has as many values."""
    return Reshape(tuple(shape))(x)


def flatten(x: Tensor) -> Tensor:
    """`x` [n, ...] as [n, everything else]; of a feature map in the order height, width, channels."""
    return Reshape((x.shape[0], math.prod(x.shape[1:])))(x)
