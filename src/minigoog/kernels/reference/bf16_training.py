"""Training in bf16, defined: maps are bf16 (uint16), and so are the operands of products, whose sums are float32; weights and gradients of
maps are float32 numbers, rounded where they become operands.

A weight gradient sums blocks of at most 256 output pixels, two neighbouring pixels of a row after the other, the second one first, and then
the blocks, in parts."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...array_types import Array, Padding, Pair, Shape
from ...checks import check_array, check_bool, check_out, check_shape
from ..shapes import ConvShape, PoolShape, conv_shape, pool_shape
from . import bf16, conv
from .bf16 import INFINITE, Halves, bf16_conv2d, bf16_max_pool2d, from_bf16
from .conv import windows

__all__ = [
    "LARGEST_WINDOW", "by_winograd", "conv2d", "conv2d_input", "conv2d_weight", "from_bf16", "is_fast", "max_pool2d", "max_pool2d_backward",
    "relu_bias_backward", "shape_of", "to_bf16",
]

TERMS, PARTS, MANY_WEIGHTS = 256, 8, 1 << 18
LARGEST_WINDOW = 16  # of a max pool


def check_map(where: str, name: str, x: Array | Halves, shape: Shape | None = None) -> Array | Halves:
    """`x` if it is a map of bf16 or float32 (of `shape`); else raises."""
    dtype: Any = np.uint16 if isinstance(x, np.ndarray) and x.dtype == np.uint16 else np.float32
    found: Array = check_array(where, name, x, dtype=dtype, shape=shape)
    return found


def check_conv(
    where: str, x: Array | Halves, w: Array, b: Array | None, relu: bool, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> ConvShape:
    """The shape of a convolution; raises unless its arguments suit each other."""
    check_bool(where, "relu", relu)
    check_array(where, "w", w, dtype=np.float32)
    s = conv_shape(where, check_map(where, "x", x).shape, w.shape, stride, padding, groups, dilation)
    if b is not None:
        check_array(where, "b", b, dtype=np.float32, shape=(s.cout,))
    return s


def check_map_out(where: str, out: Array | Halves, shape: Shape, **inputs: Any) -> Array | Halves:
    """`out` if a map of bf16 or float32 can be written to it while `inputs` are read; else raises."""
    found: Array = check_out(where, out, shape, check_map(where, "out", out).dtype, **inputs)
    return found


def check_gradient(where: str, dz: Array | Halves, s: ConvShape, is_float: bool) -> None:
    """Raises unless `dz` is a gradient of the convolution's output: in bf16, or where its products are others, in float32."""
    check_array(where, "dz", dz, dtype=np.float32 if is_float else np.uint16, shape=s.y)


def to_bf16(x: Array, out: Halves | None = None) -> Halves:
    """The float32 values `x` in bf16."""
    if out is None:
        return bf16.to_bf16(x)
    check_out("to_bf16", out, check_array("to_bf16", "x", x, dtype=np.float32).shape, np.dtype(np.uint16), x=x)
    out[...] = bf16.to_bf16(x)
    return out


def halves(x: Array | Halves) -> Halves:
    """`x`, rounded to bf16 if it is float32."""
    return x if x.dtype == np.uint16 else to_bf16(x)


def is_fast() -> bool:
    """Whether there is an instruction for products of bf16: not in NumPy."""
    return False


def by_winograd(s: ConvShape) -> bool:
    """Whether products are made in float32: of convolutions in groups."""
    return s.groups > 1


def shape_of(
    x: Array | Halves, w: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1
) -> ConvShape:
    """The shape of the convolution of `x` with `w`; raises unless they suit each other."""
    where = "conv2d"
    return check_conv(where, x, w, None, False, stride, padding, dilation, groups)


def conv2d(
    x: Array | Halves, w: Array, b: Array | None = None, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    relu: bool = False, out: Array | Halves | None = None,
) -> Array | Halves:
    """The convolution of `x`, in bf16 or rounded to it, with `w` and `b` in float32, then ReLU: of the type of `out`, or in bf16."""
    where = "bf16.conv2d"
    s = check_conv(where, x, w, b, relu, stride, padding, dilation, groups)
    if out is not None:
        check_map_out(where, out, s.y, x=x, w=w, b=b)
    window: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if by_winograd(s):
        y = conv.conv2d(x if x.dtype == np.float32 else from_bf16(x), w, b, relu=relu, **window)
    else:
        y = bf16_conv2d(halves(x), to_bf16(w), b, limits=(0, np.inf) if relu else INFINITE, to_float=True, **window)
    if out is None:
        return to_bf16(y)
    out[...] = to_bf16(y) if out.dtype == np.uint16 else y
    return out


def conv2d_input(
    x_shape: Shape, w: Array, dz: Array | Halves, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    accumulate: Array | None = None,
) -> Array:
    """Gradient of `conv2d` with respect to its input, in float32: `dz`, with zeros between its pixels, convolved with flipped weights."""
    where = "bf16.conv2d_input"
    window: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    s = conv_shape(where, check_shape(where, "x_shape", x_shape, 4), check_array(where, "w", w, dtype=np.float32).shape, stride, padding,
                   groups, dilation)
    check_gradient(where, dz, s, by_winograd(s))
    if accumulate is not None:
        check_out(where, accumulate, s.x, w.dtype, name="accumulate", w=w, dz=dz)
    if by_winograd(s):
        return conv.conv2d_input(x_shape, w, dz, accumulate=accumulate, **window)
    (top, left), (sh, sw) = s.padding[:2], s.stride
    canvas = np.zeros((s.n, s.h + 2 * (s.span[0] - 1), s.w + 2 * (s.span[1] - 1), s.cout), np.uint16)  # with room for what is cut off
    before = s.span[0] - 1 - top, s.span[1] - 1 - left
    for oy, ox in np.ndindex(s.out_h, s.out_w):
        y, x = before[0] + oy * sh, before[1] + ox * sw
        if 0 <= y < canvas.shape[1] and 0 <= x < canvas.shape[2]:
            canvas[:, y, x] = dz[:, oy, ox]
    canvas = canvas[:, : s.h + s.span[0] - 1, : s.w + s.span[1] - 1]
    flipped = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    dx = bf16_conv2d(np.ascontiguousarray(canvas), to_bf16(flipped), dilation=dilation, to_float=True)
    if accumulate is None:
        return dx
    accumulate += dx
    return accumulate


def conv2d_weight(
    x: Array | Halves, w_shape: Shape, dz: Array | Halves, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1
) -> Array:
    """Gradient of `conv2d` with respect to its weights, in float32."""
    where = "bf16.conv2d_weight"
    window: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    w_shape = check_shape(where, "w_shape", w_shape, 4)
    s = conv_shape(where, check_map(where, "x", x).shape, w_shape, stride, padding, groups, dilation)
    check_gradient(where, dz, s, by_winograd(s))
    if by_winograd(s):
        return conv.conv2d_weight(x if x.dtype == np.float32 else from_bf16(x), w_shape, dz, **window)
    seen, gradients = windows(from_bf16(halves(x)), s).transpose(0, 1, 2, 4, 5, 3), from_bf16(dz)  # [n, out_h, out_w, kh, kw, cin]
    if s.n and (s.kh, s.kw, *s.stride) == (1, 1, 1, 1) and not any(s.padding):  # one row
        seen, gradients = seen.reshape(1, 1, -1, 1, 1, s.cin), gradients.reshape(1, 1, -1, s.cout)
    sums = [_block(seen[at], gradients[at], s) for at in _blocks(*gradients.shape[:3])]
    few = math.prod(s.weight) <= MANY_WEIGHTS
    parts = max(min(PARTS if few else PARTS // 2, len(sums)), 1)
    found = np.zeros(s.weight, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(parts):
            part = np.zeros(s.weight, np.float32)
            for block in sums[i * len(sums) // parts : (i + 1) * len(sums) // parts]:
                part += block
            found = found + part if i else part
    return found


def _blocks(n: int, h: int, w: int) -> list[tuple[slice, slice, slice]]:
    """The output pixels of each block: whole images while they are small, else whole rows of one image, or parts of one row."""
    images = TERMS // (h * w) if h * w <= TERMS // 2 else 1
    columns = min(w, TERMS)
    rows = h if images > 1 else max(min(h, TERMS // columns), 1)
    starts = ((i, y, x) for i in range(0, n, images) for y in range(0, h, rows) for x in range(0, w, columns))
    return [(slice(i, i + images), slice(y, y + rows), slice(x, x + columns)) for i, y, x in starts]


def _block(seen: Array, gradients: Array, s: ConvShape) -> Array:
    """The sum of the products of some pixels."""
    found = np.zeros(s.weight, np.float32)
    order = [x for pair in range(0, gradients.shape[2], 2) for x in (pair + 1, pair) if x < gradients.shape[2]]
    with np.errstate(over="ignore", invalid="ignore"):
        for i, y in np.ndindex(gradients.shape[:2]):
            for x in order:
                found += seen[i, y, x][..., None] * gradients[i, y, x]
    return found


def relu_bias_backward(y: Halves, dy: Array, *, to_bf16: bool, out: Array | None = None) -> tuple[Array | Halves, Array]:
    """(dz, db) of y = relu(z): as kernels.relu_bias_backward; dz in bf16, or in float32, then in `out`, if given."""
    where = "bf16.relu_bias_backward"
    check_relu(where, y, dy, to_bf16, out)
    dz = np.where(from_bf16(y) <= 0, np.float32(0), dy)
    db = dz.sum(axis=tuple(range(dz.ndim - 1)), dtype=np.float64).astype(np.float32)
    if to_bf16:
        return halves(dz), db
    if out is None:
        return dz, db
    out[...] = dz
    return out, db


def check_relu(where: str, y: Halves, dy: Array, to_bf16: bool, out: Array | None) -> None:
    """Raises unless the arguments of `relu_bias_backward` suit each other."""
    check_bool(where, "to_bf16", to_bf16)
    check_array(where, "y", y, ndim=(1, 2, 3, 4), dtype=np.uint16)
    check_array(where, "dy", dy, dtype=np.float32, shape=y.shape)
    if out is not None:
        check_out(where, out, y.shape, dy.dtype, elementwise=True, dy=dy, y=y)


def check_window(where: str, s: PoolShape) -> PoolShape:
    """`s` if the number of a pixel in its windows fits a byte; else raises."""
    if max(s.kh, s.kw) > LARGEST_WINDOW:
        most = f"windows of at most {LARGEST_WINDOW}x{LARGEST_WINDOW} pixels"
        raise ValueError(f"{where}: `kernel_size` is ({s.kh}, {s.kw}), expected {most}")
    return s


def max_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    out: Halves | None = None, with_index: bool = True,
) -> tuple[Halves, Any]:
    """(y, index): the largest value of each window, of which -0 is below 0, and, if `with_index`, the number, in its window without
    padding, of the first pixel that has it, as uint8."""
    where = "bf16.max_pool2d"
    check_bool(where, "with_index", with_index)
    s = pool_shape(where, check_array(where, "x", x, dtype=np.uint16).shape, kernel_size, stride, padding, ceil_mode, dilation)
    y = np.empty(s.y, np.uint16) if out is None else check_out(where, out, s.y, x.dtype, x=x)
    y[...] = bf16_max_pool2d(x, kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, dilation=dilation)
    if not with_index:
        return y, None
    index, left = np.zeros(check_window(where, s).y, np.uint8), np.ones(s.y, bool)
    for oy, ox, tap, iy, ix in _taps(s):
        here = left[:, oy, ox] & (x[:, iy, ix] == y[:, oy, ox])
        index[:, oy, ox][here] = tap
        left[:, oy, ox] &= ~here
    return y, index


def _taps(s: PoolShape) -> Iterator[tuple[int, int, int, int, int]]:
    """(row and column of a window, number of a pixel in it, row and column of the pixel) of all pixels that are inside the map."""
    for oy, ox in np.ndindex(s.out_h, s.out_w):
        tap = 0
        for u, v in np.ndindex(s.kh, s.kw):
            iy, ix = oy * s.stride[0] - s.padding[0] + u * s.dilation[0], ox * s.stride[1] - s.padding[1] + v * s.dilation[1]
            if 0 <= iy < s.h and 0 <= ix < s.w:
                yield oy, ox, tap, iy, ix
                tap += 1


def max_pool2d_backward(
    x_shape: Shape, index: Array, dy: Array, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0,
    ceil_mode: bool = False, dilation: Pair = 1,
) -> Array:
    """Gradient of `max_pool2d`: each of `dy` goes to the pixel of its window that `index` names."""
    where = "bf16.max_pool2d_backward"
    s = pool_shape(where, check_shape(where, "x_shape", x_shape, 4), kernel_size, stride, padding, ceil_mode, dilation)
    check_array(where, "index", index, dtype=np.dtype(np.uint8), shape=check_window(where, s).y)
    check_array(where, "dy", dy, dtype=np.dtype(np.float32), shape=s.y)
    dx = np.zeros(s.x, np.float32)
    for oy, ox, tap, iy, ix in _taps(s):
        dx[:, iy, ix] += np.where(index[:, oy, ox] == tap, dy[:, oy, ox], np.float32(0))
    return dx
