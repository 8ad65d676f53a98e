"""The same values in another shape."""

import math

from ..op import Op


class Reshape(Op):
    """y = x in the shape `shape`."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        if math.prod(self.shape) != x.size:
            raise ValueError(f"reshape: `shape` is {self.shape} ({math.prod(self.shape)} values) but `x` has shape {x.shape} ({x.size})")
        return x.reshape(self.shape)

    def backward(self, dy):
        return (dy.reshape(self.inputs[0].shape),)


def reshape(x, shape):
    """`x` in the shape `shape`, which has as many values."""
    return Reshape(tuple(shape))(x)


def flatten(x):
    """`x` [n, ...] as [n, everything else]; of a feature map in the order height, width, channels."""
    return Reshape((x.shape[0], math.prod(x.shape[1:])))(x)
