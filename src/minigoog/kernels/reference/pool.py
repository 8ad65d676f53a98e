"""Max and average pooling, by sliding windows over a map that is padded so that every window is complete."""

from typing import Any

import numpy as np

from ...array_types import Array, IntArray, Padding, Pair, Shape
from ...checks import check_array, check_bool, check_out, check_shape
from ..shapes import PoolShape, check_lengths, pool_shape


def pooled(x: Any, s: PoolShape, fill: float) -> Any:
    """The windows of pooling `s`: a view [n, out_h, out_w, c, kh, kw] of `x` padded with `fill` wherever a window reaches."""
    reach = [max(0, (s.y[1 + i] - 1) * s.stride[i] + s.span[i] - s.x[1 + i] - s.padding[i]) for i in range(2)]
    padded = np.pad(x, ((0, 0), (s.padding[0], reach[0]), (s.padding[1], reach[1]), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, s.span, axis=(1, 2))
    return view[:, :: s.stride[0], :: s.stride[1], :, :: s.dilation[0], :: s.dilation[1]][:, : s.out_h, : s.out_w]


def max_pool2d(
    x: Array,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    dilation: Pair = 1,
    out: Array | None = None,
    with_index: bool = True,
) -> tuple[Array, Any]:
    """(y, index): the largest value of each `kernel_size` window of `x` [n, h, w, c], and the number y * w + x of the pixel it came from.

    Padding is never read. A NaN wins; of equal values the first wins. `index` is uint16 if the map
    has at most 65,536 pixels, else int32, or None if not `with_index`; `y` is `out` if given."""
    check_array("max_pool2d", "x", x)
    check_bool("max_pool2d", "with_index", with_index)
    s = pool_shape("max_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    y = np.empty(s.y, x.dtype) if out is None else check_out("max_pool2d", out, s.y, x.dtype, x=x)
    values = pooled(x, s, -np.inf).reshape(*s.y, s.kh * s.kw)
    pixels = pooled(np.arange(s.h * s.w, dtype=np.int32).reshape(1, s.h, s.w, 1), s, -1).reshape(1, s.out_h, s.out_w, 1, s.kh * s.kw)
    pixels = np.broadcast_to(pixels, values.shape)  # -1 where a window extends over the edge
    best = values.argmax(axis=-1)[..., None]
    inside = np.take_along_axis(pixels, best, -1) >= 0  # False only where all values are -inf
    best = np.where(inside, best, (pixels >= 0).argmax(axis=-1)[..., None])
    y[...] = np.take_along_axis(values, best, -1)[..., 0]
    return y, np.take_along_axis(pixels, best, -1)[..., 0].astype(s.index_type) if with_index else None


def max_pool2d_backward(
    x_shape: Shape,
    index: IntArray,
    dy: Array,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    dilation: Pair = 1,
) -> Array:
    """Gradient of max pooling: each of `dy` goes to the pixel that `index` names."""
    check_array("max_pool2d_backward", "dy", dy)
    x_shape = check_shape("max_pool2d_backward", "x_shape", x_shape, 4)
    s = pool_shape("max_pool2d_backward", x_shape, kernel_size, stride, padding, ceil_mode, dilation)
    check_array("max_pool2d_backward", "dy", dy, shape=s.y)
    check_array("max_pool2d_backward", "index", index, dtype=s.index_type, shape=s.y)
    if index.size and not (index.min() >= 0 and index.max() < s.h * s.w):
        raise ValueError(f"max_pool2d_backward: `index` goes from {index.min()} to {index.max()}, expected 0 to {s.h * s.w - 1}")
    dx = np.zeros((s.n, s.h * s.w, s.c))
    np.add.at(dx, (np.arange(s.n).reshape(-1, 1, 1, 1), index, np.arange(s.c)), dy)
    return dx.reshape(s.x).astype(dy.dtype)


def divisors(s: PoolShape) -> Array:
    """How many pixels of each window are inside the map, or inside the map and its padding if that counts: [out_h, out_w, 1]."""
    if s.count_padding:
        top, left, bottom, right = s.padding
        s = s._replace(h=top + s.h + bottom, w=left + s.w + right, padding=(0, 0, 0, 0))
    pixels: Array = pooled(np.ones((1, s.h, s.w, 1)), s, 0).sum(axis=(4, 5))[0]
    return pixels


def avg_pool2d(
    x: Array,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    dilation: Pair = 1,
    count_include_pad: bool = False,
    out: Array | None = None,
) -> Array:
    """The mean of each `kernel_size` window of `x` [n, h, w, c] over its pixels inside the map, or, if `count_include_pad`, over those
    inside the map and its padding, which is 0."""
    check_array("avg_pool2d", "x", x)
    s = pool_shape("avg_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    y = np.empty(s.y, x.dtype) if out is None else check_out("avg_pool2d", out, s.y, x.dtype, x=x)
    y[...] = pooled(x, s, 0).sum(axis=(4, 5), dtype=np.float64) / divisors(s)
    return y


def _pixels(s: PoolShape, axis: int, at: int) -> slice:
    """The rows (axis 0) or columns (1) of the map under window `at`."""
    start, step = at * s.stride[axis] - s.padding[axis], s.dilation[axis]
    return slice(start if start >= 0 else start % step, start + s.span[axis], step)


def avg_pool2d_backward(
    x_shape: Shape, dy: Array, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False,
    dilation: Pair = 1, count_include_pad: bool = False,
) -> Array:
    """Gradient of average pooling: each of `dy` spread evenly over the pixels of its window."""
    check_array("avg_pool2d_backward", "dy", dy)
    x_shape = check_shape("avg_pool2d_backward", "x_shape", x_shape, 4)
    s = pool_shape("avg_pool2d_backward", x_shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    check_array("avg_pool2d_backward", "dy", dy, shape=s.y)
    dx = np.zeros(s.x)
    share = dy / divisors(s)
    for oy in range(s.out_h):
        for ox in range(s.out_w):
            rows, columns = (_pixels(s, axis, at) for axis, at in enumerate((oy, ox)))
            dx[:, rows, columns] += share[:, oy : oy + 1, ox : ox + 1]
    return dx.astype(dy.dtype)


def global_avg_pool2d(x: Array) -> Array:
    """The mean of each channel of `x` [n, h, w, c]: [n, c]."""
    check_array("global_avg_pool2d", "x", x, ndim=4)
    check_lengths("global_avg_pool2d", "x", x.shape, empty_batch=True)
    return avg_pool2d(x, x.shape[1:3])[:, 0, 0]


def global_avg_pool2d_backward(x_shape: Shape, dy: Array) -> Array:
    """Gradient of global average pooling, given `dy` [n, c]."""
    x_shape = check_shape("global_avg_pool2d_backward", "x_shape", x_shape, 4)
    check_lengths("global_avg_pool2d_backward", "x_shape", x_shape, empty_batch=True)
    check_array("global_avg_pool2d_backward", "dy", dy, shape=(x_shape[0], x_shape[3]))
    return avg_pool2d_backward(x_shape, dy[:, None, None, :], x_shape[1:3])
