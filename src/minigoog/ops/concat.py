"""Concatenation of channels that costs no copy: the branches of a module write into slices of its output."""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..array_types import Array
from ..op import Op
from ..tensor import Tensor


def channel_slices(like: Tensor, channels: Sequence[int]) -> tuple[Array, list[Array]]:
    """(whole, slices): a new map with as many images and pixels as the tensor `like` and sum(channels) channels, and its slices.

    Each branch gets one slice as its `out`; `concat(branches, whole)` then has nothing to copy."""
    whole = kernels.empty((*like.shape[:-1], sum(channels)), like.dtype)
    return whole, np.split(whole, np.cumsum(channels)[:-1], axis=-1)


class Concat(Op):
    """y[..., :] = all inputs' channels side by side. The gradients are slices of `dy`."""

    def __init__(self, whole: Array | None = None):
        self.whole = whole

    def forward(self, *xs: Array) -> Array:
        for i, x in enumerate(xs):
            if x.shape[:-1] != xs[0].shape[:-1]:
                raise ValueError(f"concat: input {i} has shape {x.shape}, expected {xs[0].shape} but for the channels")
        self.bounds = np.cumsum([x.shape[-1] for x in xs])
        shape = (*xs[0].shape[:-1], int(self.bounds[-1]))
        y = kernels.empty(shape, xs[0].dtype) if self.whole is None else self.whole
        if y.shape != shape:
            raise ValueError(f"concat: `whole` has shape {y.shape}, expected {shape}")
        self.copies = [(x, part) for x, part in zip(xs, self.split(y), strict=True) if not _is_there(x, part)]
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
    if not xs or not all(isinstance(x, Tensor) for x in xs):
        raise TypeError("concat: `xs` is empty or not all Tensors")
    return Concat(whole)(*xs)
