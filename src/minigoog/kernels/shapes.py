"""Shapes of convolutions and pools, checked once for both kinds of kernels."""

from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..array_types import BoolArray, Padding, Pair, Shape
from ..checks import LARGEST, as_pair, check_array, check_bool, check_int, output_size, pair, sides

Sides: TypeAlias = tuple[int, int, int, int]
AXES = ("height", "width")


class ConvShape(NamedTuple):
    """Everything about a convolution but its values. `cin` and `cout` count all groups together; padding: top, left, bottom, right."""

    n: int
    h: int
    w: int
    cin: int
    kh: int
    kw: int
    cout: int
    stride: tuple[int, int]
    padding: Sides
    dilation: tuple[int, int]
    groups: int
    out_h: int
    out_w: int

    @property
    def span(self) -> tuple[int, int]:
        """Height and width from the first to the last pixel of a window."""
        return (self.kh - 1) * self.dilation[0] + 1, (self.kw - 1) * self.dilation[1] + 1

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
    """Everything about a pooling but its values. padding: top, left, bottom, right; with `count_padding` a mean divides by it too."""

    n: int
    h: int
    w: int
    c: int
    kh: int
    kw: int
    stride: tuple[int, int]
    padding: Sides
    dilation: tuple[int, int]
    count_padding: bool
    out_h: int
    out_w: int

    @property
    def span(self) -> tuple[int, int]:
        """Height and width from the first to the last pixel of a window."""
        return (self.kh - 1) * self.dilation[0] + 1, (self.kw - 1) * self.dilation[1] + 1

    @property
    def x(self) -> Shape:
        """The shape of the input."""
        return (self.n, self.h, self.w, self.c)

    @property
    def index_type(self) -> type[np.integer[Any]]:
        """Of the numbers of an image's pixels: as short as it can be, for a training step keeps them all."""
        return np.uint16 if self.h * self.w <= 2**16 else np.int32

    @property
    def y(self) -> Shape:
        """The shape of the output."""
        return (self.n, self.out_h, self.out_w, self.c)


# The arguments are already checked to be ints: 1, 1.0 and True would be the same key of the cache.
@lru_cache(maxsize=1024)
def _conv_shape(
    where: str, x: Shape, w: Shape, stride: tuple[int, int], padding: Sides, dilation: tuple[int, int], groups: int
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
    s = ConvShape(*x, w[0], w[1], w[3], stride, padding, dilation, groups, 0, 0)
    out = [output_size(where, axis, x[1 + i], s.span[i], stride[i], padding[i], padding[2 + i]) for i, axis in enumerate(AXES)]
    return s._replace(out_h=out[0], out_w=out[1])


def conv_shape(
    where: str, x: Shape, w: Shape, stride: Pair, padding: Padding, groups: int = 1, dilation: Pair = 1
) -> ConvShape:
    """The ConvShape of a convolution of a map of shape `x` with weights of shape `w`; raises if there is none."""
    strides, paddings, steps = pair(where, "stride", stride, 1), sides(where, "padding", padding), pair(where, "dilation", dilation, 1)
    return _conv_shape(where, x, w, strides, paddings, steps, check_int(where, "groups", groups, 1))


@lru_cache(maxsize=1024)
def _pool_shape(
    where: str, x: Shape, size: tuple[int, int], stride: tuple[int, int], padding: Sides, dilation: tuple[int, int],
    ceil_mode: bool, count_padding: bool,
) -> PoolShape:
    if len(x) != 4:
        raise ValueError(f"{where}: `x` has shape {x}, expected four axes NHWC [n, h, w, c]")
    if x[3] < 1:
        raise ValueError(f"{where}: `x` has no channels {x}")
    if x[1] * x[2] >= 2**31:
        raise ValueError(f"{where}: `x` has {x[1]} x {x[2]} pixels, expected fewer than 2^31")
    if any(p >= size[i % 2] for i, p in enumerate(padding)):
        raise ValueError(f"{where}: `padding` is {as_pair(padding)}, expected less than the window {size}")
    s = PoolShape(*x, *size, stride, padding, dilation, count_padding, 0, 0)
    out = [output_size(where, axis, x[1 + i], s.span[i], stride[i], padding[i], padding[2 + i], ceil_mode) for i, axis in enumerate(AXES)]
    for i in range(2):
        if not _all_inside(x[1 + i], size[i], stride[i], padding[i], dilation[i], out[i]):
            raise ValueError(f"{where}: a window {size} with padding {as_pair(padding)} lies completely outside the map {x}")
    return s._replace(out_h=out[0], out_w=out[1])


def _all_inside(n: int, size: int, stride: int, before: int, dilation: int, out: int) -> bool:
    """Whether each of `out` windows along an axis of `n` pixels has a pixel inside it."""
    last = (out - 1) * stride - before
    early = range(-before, min(0, last + 1), stride) if dilation > n else ()  # starts of windows that may step over the map
    return n > 0 and last < n and all(start % dilation < n for start in early)


def pool_shape(
    where: str, x: Shape, kernel_size: Pair, stride: Pair | None, padding: Padding, ceil_mode: bool = False, dilation: Pair = 1,
    count_include_pad: bool = False,
) -> PoolShape:
    """The PoolShape of a pooling of a map of shape `x`; `stride` None means the window's size."""
    size, steps = pair(where, "kernel_size", kernel_size, 1), pair(where, "dilation", dilation, 1)
    paddings = sides(where, "padding", padding)
    strides = size if stride is None else pair(where, "stride", stride, 1)
    flags = check_bool(where, "ceil_mode", ceil_mode), check_bool(where, "count_include_pad", count_include_pad)
    return _pool_shape(where, x, size, strides, paddings, steps, *flags)


def check_lengths(where: str, name: str, shape: Shape, empty_batch: bool = False) -> None:
    """Raises unless an array of this shape has a length of at least 1 along each axis; with `empty_batch` the first may be 0."""
    if min(shape[1:] if empty_batch else shape) < 1:
        axes = "each axis but the first" if empty_batch else "each axis"
        raise ValueError(f"{where}: `{name}` has shape {shape}, expected at least 1 along {axes}")


CONV_ALGORITHMS = ("auto", "batch_invariant", "im2col", "direct", "winograd", "depthwise")  # of the C kernels; in NumPy they are all one
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
