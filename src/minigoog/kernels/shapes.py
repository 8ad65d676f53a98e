"""Shapes of convolutions and pools, checked once for both kinds of kernels."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..array_types import BoolArray, Pair, Shape
from ..checks import LARGEST, check_array, check_bool, check_int, output_size, pair


class ConvShape(NamedTuple):
    """Everything about a convolution but its values. `cin` and `cout` count all groups together."""

    n: int
    h: int
    w: int
    cin: int
    kh: int
    kw: int
    cout: int
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    out_h: int
    out_w: int

    @property
    def x(self) -> Shape:
        """The shape of the input."""
        return (self.n, self.h, self.w, self.cin)

    @property
    def weight(self) -> Shape:
        """The shape of the weights."""
        return (self.kh, self.kw, self.cin // self.groups, self.cout)

    @property
    def y(self) -> Shape:
        """The shape of the output."""
        return (self.n, self.out_h, self.out_w, self.cout)


class PoolShape(NamedTuple):
    """Everything about a pooling but its values."""

    n: int
    h: int
    w: int
    c: int
    kh: int
    kw: int
    stride: tuple[int, int]
    padding: tuple[int, int]
    out_h: int
    out_w: int

    @property
    def x(self) -> Shape:
        """The shape of the input."""
        return (self.n, self.h, self.w, self.c)

    @property
    def y(self) -> Shape:
        """The shape of the output."""
        return (self.n, self.out_h, self.out_w, self.c)


# The arguments are already checked to be ints: 1, 1.0 and True would be the same key of the cache.
@lru_cache(maxsize=1024)
def _conv_shape(
    where: str, x: Shape, w: Shape, stride: tuple[int, int], padding: tuple[int, int], groups: int
) -> ConvShape:
    if len(x) != 4:
        raise ValueError(f"{where}: `x` has shape {x}, expected four axes NHWC [n, h, w, cin]")
    if len(w) != 4:
        raise ValueError(f"{where}: `w` has shape {w}, expected four axes HWIO [kh, kw, cin, cout]")
    if w[2] * groups != x[3]:
        each = f" in each of {groups} groups" if groups > 1 else ""
        raise ValueError(f"{where}: `w` takes {w[2]} channels{each} but `x` has {x[3]} (x NHWC {x}, w HWIO {w})")
    check_lengths(where, "w", w)
    if w[3] % groups:
        raise ValueError(f"{where}: `groups` is {groups}, expected a divisor of the {w[3]} output channels")
    out = [output_size(where, axis, x[1 + i], w[i], stride[i], padding[i]) for i, axis in enumerate(("height", "width"))]
    return ConvShape(x[0], x[1], x[2], x[3], w[0], w[1], w[3], stride, padding, groups, out[0], out[1])


def conv_shape(where: str, x: Shape, w: Shape, stride: Pair, padding: Pair, groups: int) -> ConvShape:
    """The ConvShape of a convolution of a map of shape `x` with weights of shape `w`; raises if there is none."""
    strides, paddings = pair(where, "stride", stride, 1), pair(where, "padding", padding, 0)
    return _conv_shape(where, x, w, strides, paddings, check_int(where, "groups", groups, 1))


@lru_cache(maxsize=1024)
def _pool_shape(
    where: str, x: Shape, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], ceil_mode: bool
) -> PoolShape:
    if len(x) != 4:
        raise ValueError(f"{where}: `x` has shape {x}, expected four axes NHWC [n, h, w, c]")
    if x[3] < 1:
        raise ValueError(f"{where}: `x` has no channels {x}")
    if x[1] * x[2] >= 2**31:
        raise ValueError(f"{where}: `x` has {x[1]} x {x[2]} pixels, expected fewer than 2^31")
    if padding[0] >= size[0] or padding[1] >= size[1]:
        raise ValueError(f"{where}: `padding` is {padding}, expected less than the window {size}")
    out = [output_size(where, axis, x[1 + i], size[i], stride[i], padding[i], ceil_mode) for i, axis in enumerate(("height", "width"))]
    for i in range(2):
        if (out[i] - 1) * stride[i] >= x[1 + i] + padding[i] or x[1 + i] == 0:
            raise ValueError(f"{where}: a window {size} with padding {padding} lies completely outside the map {x}")
    return PoolShape(x[0], x[1], x[2], x[3], size[0], size[1], stride, padding, out[0], out[1])


def pool_shape(
    where: str, x: Shape, kernel_size: Pair, stride: Pair | None, padding: Pair, ceil_mode: bool = False
) -> PoolShape:
    """The PoolShape of a pooling of a map of shape `x`; `stride` None means the window's size."""
    size, paddings = pair(where, "kernel_size", kernel_size, 1), pair(where, "padding", padding, 0)
    strides = size if stride is None else pair(where, "stride", stride, 1)
    return _pool_shape(where, x, size, strides, paddings, check_bool(where, "ceil_mode", ceil_mode))


def check_lengths(where: str, name: str, shape: Shape, empty_batch: bool = False) -> None:
    """Raises unless an array of this shape has a length of at least 1 along each axis; with `empty_batch` the first may be 0."""
    if min(shape[1:] if empty_batch else shape) < 1:
        axes = "each axis but the first" if empty_batch else "each axis"
        raise ValueError(f"{where}: `{name}` has shape {shape}, expected at least 1 along {axes}")


CONV_ALGORITHMS = ("auto", "batch_invariant", "im2col", "direct", "winograd")  # of the C kernels; in NumPy they are all one
SPARSE_ALGORITHMS = ("auto", "textbook")


def check_conv_arrays(where: str, x: Any, w: Any, b: Any, relu: Any) -> None:
    """Checks the types of the arguments of a forward convolution or linear layer, and the shape of the bias."""
    check_bool(where, "relu", relu)
    check_array(where, "x", x)
    check_array(where, "w", w, dtype=x.dtype)
    if b is not None:
        check_array(where, "b", b, dtype=x.dtype, shape=w.shape[-1:])


def counts_shape(where: str, maps: BoolArray, radius: int) -> Shape:
    """(c, 2 radius + 1, 2 radius + 1, c): the shape of the co-occurrences of binary `maps` [n, h, w, c]; raises if there is none."""
    n, h, w, c = check_array(where, "maps", maps, ndim=4, dtype=np.bool_).shape
    if n * h * w > LARGEST:
        raise ValueError(f"{where}: `maps` has {n * h * w} pixels, expected at most {LARGEST}")
    side = 2 * check_int(where, "radius", radius, 0, max(h, w, 1) - 1) + 1
    return c, side, side, c
