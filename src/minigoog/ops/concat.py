"""Concatenation of channels that costs no copy: the branches of a module write into slices of its output."""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..array_types import Array
from ..checks import check_array, check_int, check_out
from ..op import Op
from ..tensor import Tensor, check_tensor
from ..text import short


def channel_slices(like: Tensor, channels: Sequence[int]) -> tuple[Array, list[Array]]:
    """(whole, slices): a new map with as many images and pixels as the tensor `like` and sum(channels) channels, and its slices.

    Each branch gets one slice as its `out`; `concat(branches, whole)` then has nothing to copy."""
    if check_tensor("channel_slices", "like", like).ndim < 1:
        raise ValueError(f"channel_slices: `like` has 0 axes {like.shape}, expected at least 1")
    if not isinstance(channels, (tuple, list)) or not channels:
        raise TypeError(f"channel_slices: `channels` is {short(channels)}, expected a list of integers")
    channels = [check_int("channel_slices", "channels", c, 0) for c in channels]
    whole = kernels.empty((*like.shape[:-1], sum(channels)), like.held.dtype)
    return whole, np.split(whole, np.cumsum(channels)[:-1], axis=-1)


class Concat(Op):
    """y[..., :] = all inputs' channels side by side. The gradients are slices of `dy`."""

    takes_bf16 = True

    def __init__(self, whole: Array | None = None):
        self.whole = whole

    def forward(self, *xs: Array) -> Array:
        for i, x in enumerate(xs):
            check_array("concat", f"xs[{i}]", x, dtype=xs[0].dtype)
            if x.ndim < 1 or x.shape[:-1] != xs[0].shape[:-1]:
                raise ValueError(f"concat: `xs[{i}]` has shape {x.shape}, expected {xs[0].shape} but for the channels")
        self.bounds = np.cumsum([x.shape[-1] for x in xs])
        shape, dtype = (*xs[0].shape[:-1], int(self.bounds[-1])), xs[0].dtype
        if self.whole is None and all(map(kernels.outline.is_unknown, xs)):
            self.copies: list[tuple[Array, Array]] = []
            return kernels.outline.unknown(shape)
        y: Array = kernels.empty(shape, dtype) if self.whole is None else check_out("concat", self.whole, shape, dtype, name="whole")
        parts = self.split(y)
        elsewhere = [i for i, x in enumerate(xs) if not _is_there(x, parts[i])]
        for i in elsewhere if self.whole is not None else ():  # an input in another place of `whole` would be overwritten before it is read
            check_out("concat", y, shape, dtype, elementwise=False, name="whole", **{f"xs[{i}]": xs[i]})
        self.copies = [(xs[i], parts[i]) for i in elsewhere]
        for x, part in self.copies:
            part[...] = x
        return y

    def backward(self, dy: Array) -> list[Array]:
        return self.split(dy)

    def written(self) -> list[Array]:
        return [] if self.whole is None else [part for _, part in self.copies]

    def split(self, a: Array) -> list[Array]:
        """The channels of each input in `a`."""
        return np.split(a, self.bounds[:-1], axis=-1)


def _is_there(x: Array, part: Array) -> bool:
    """Whether `x` and `part` are the same memory."""
    return bool(x.__array_interface__["data"] == part.__array_interface__["data"] and x.strides == part.strides)


def concat(xs: Sequence[Tensor], whole: Array | None = None) -> Tensor:
    """The channels of the tensors `xs` side by side; `whole`: the array if they are already its slices (see `channel_slices`)."""
    if not isinstance(xs, (tuple, list)) or not xs:
        raise TypeError(f"concat: `xs` is {short(xs)}, expected a list of Tensors")
    for i, x in enumerate(xs):
        check_tensor("concat", f"xs[{i}]", x)
    return Concat(whole)(*xs)
