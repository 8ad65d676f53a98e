"""The same values with the axes, or the channels, in another order."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array
from ..checks import check_array, check_int
from ..op import Op
from ..tensor import Tensor
from ..text import short


class Transpose(Op):
    """Axis i of y is axis axes[i] of x; a copy: kernels take maps without gaps."""

    def __init__(self, axes: Sequence[int]):
        if not isinstance(axes, (tuple, list)):
            raise TypeError(f"transpose: `axes` is {short(axes)}, expected a tuple of integers")
        self.axes = tuple(check_int("transpose", "axes", axis, 0) for axis in axes)

    def forward(self, x: Array) -> Array:
        if sorted(self.axes) != list(range(check_array("transpose", "x", x).ndim)):
            raise ValueError(f"transpose: `axes` is {self.axes}, expected each axis of `x` {x.shape} once, counted from 0")
        return np.array(x.transpose(self.axes), order="C")

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.array(dy.transpose(np.argsort(self.axes)), order="C"),)


class ChannelShuffle(Op):
    """The channels of all groups in turn: y[..., i * groups + g] = channel i of group g. (Zhang et al. 2017, ShuffleNet)"""

    def __init__(self, groups: int):
        self.groups = check_int("channel_shuffle", "groups", groups, 1)

    def forward(self, x: Array) -> Array:
        if check_array("channel_shuffle", "x", x).ndim < 1:
            raise ValueError(f"channel_shuffle: `x` has 0 axes {x.shape}, expected at least 1")
        if x.shape[-1] % self.groups:
            raise ValueError(f"channel_shuffle: `groups` is {self.groups}, expected a divisor of the {x.shape[-1]} channels")
        return _deal(x, self.groups)

    def backward(self, dy: Array) -> tuple[Array]:
        return (_deal(dy, dy.shape[-1] // self.groups) if dy.size else dy,)


def _deal(x: Array, groups: int) -> Array:
    """The channels of `groups` groups in turn."""
    y = np.empty(x.shape, x.dtype)
    for g, part in enumerate(np.split(x, groups, axis=-1)):
        y[..., g::groups] = part
    return y


def transpose(x: Tensor, axes: Sequence[int]) -> Tensor:
    """`x` with its axes in the order `axes`: transpose(x, (0, 3, 1, 2)) is NCHW from NHWC."""
    return Transpose(axes)(x)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """The channels of `x` [..., c] from the `groups` groups in turn: the first of each, the second of each, and so on."""
    return ChannelShuffle(groups)(x)
