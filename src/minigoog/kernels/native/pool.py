"""Max and average pooling (csrc/pool.c)."""

from typing import Any

from minigoog._native import ffi, lib

from ...array_types import Array, IntArray, Padding, Pair, Shape
from ...checks import check_array, check_bool, check_out, check_shape
from ..shapes import PoolShape, check_lengths, pool_shape
from . import machine, workspace
from .pointers import NULL, Pointer, check_float32, check_pixels, dense, pixels


def pool_geometry(s: PoolShape, ldx: int, ldy: int) -> Pointer:
    """struct mg_pool of `s`."""
    window = s.kh, s.kw, *s.stride, *s.padding, *s.dilation, s.count_padding
    return ffi.new("struct mg_pool *", (s.n, s.h, s.w, s.c, *window, s.out_h, s.out_w, ldx, ldy))


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
    check_float32("max_pool2d", "x", x)
    check_bool("max_pool2d", "with_index", with_index)
    s = pool_shape("max_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    y = workspace.empty(s.y) if out is None else check_out("max_pool2d", out, s.y, x.dtype, x=x)
    index: Any = workspace.empty(s.y, s.index_type) if with_index else None
    x_pointer, ldx = pixels("max_pool2d", "x", x)
    y_pointer, ldy = pixels("max_pool2d", "out", y)
    index_pointer = dense("max_pool2d", "index", index, "char[]") if with_index else NULL
    lib.mg_max_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, index_pointer, machine.current())
    return y, index


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
    """Gradient of max pooling: each of `dy` goes to the pixel that `index` names.

    `index` comes from `max_pool2d`; an entry that is not a pixel under its window is ignored."""
    check_float32("max_pool2d_backward", "dy", dy)
    x_shape = check_shape("max_pool2d_backward", "x_shape", x_shape, 4)
    s = pool_shape("max_pool2d_backward", x_shape, kernel_size, stride, padding, ceil_mode, dilation)
    check_array("max_pool2d_backward", "dy", dy, shape=s.y)
    check_array("max_pool2d_backward", "index", index, dtype=s.index_type, shape=s.y)
    dx = workspace.empty(s.x)
    where = "max_pool2d_backward"
    pointer, lddy = pixels(where, "dy", dy)
    lib.mg_max_pool2d_backward(
        pool_geometry(s, s.c, lddy), pointer, dense(where, "index", index, "char[]"), dense(where, "dx", dx), machine.current()
    )
    return dx


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
    check_float32("avg_pool2d", "x", x)
    s = pool_shape("avg_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    y = workspace.empty(s.y) if out is None else check_out("avg_pool2d", out, s.y, x.dtype, x=x)
    _average("avg_pool2d", s, x, y)
    return y


def _average(where: str, s: PoolShape, x: Array, y: Array) -> None:
    """Writes the means of the windows of `x` to `y`, whose shapes are checked."""
    x_pointer, ldx = pixels(where, "x", x)
    y_pointer, ldy = pixels(where, "out", y)
    lib.mg_avg_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, machine.current())


def avg_pool2d_backward(
    x_shape: Shape, dy: Array, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False,
    dilation: Pair = 1, count_include_pad: bool = False,
) -> Array:
    """Gradient of average pooling: each of `dy` spread evenly over the pixels of its window."""
    check_float32("avg_pool2d_backward", "dy", dy)
    x_shape = check_shape("avg_pool2d_backward", "x_shape", x_shape, 4)
    s = pool_shape("avg_pool2d_backward", x_shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    check_array("avg_pool2d_backward", "dy", dy, shape=s.y)
    dx = workspace.empty(s.x)
    pointer, lddy = pixels("avg_pool2d_backward", "dy", dy)
    dx_pointer = dense("avg_pool2d_backward", "dx", dx)
    lib.mg_avg_pool2d_backward(pool_geometry(s, s.c, lddy), pointer, dx_pointer, machine.current())
    return dx


def global_avg_pool2d(x: Array) -> Array:
    """The mean of each channel of `x` [n, h, w, c]: [n, c]."""
    check_float32("global_avg_pool2d", "x", x)
    check_array("global_avg_pool2d", "x", x, ndim=4)
    check_lengths("global_avg_pool2d", "x", x.shape, empty_batch=True)
    s = pool_shape("global_avg_pool2d", x.shape, x.shape[1:3], None, 0)
    y: Array = workspace.empty((s.n, s.c))
    _average("global_avg_pool2d", s, x, y)
    return y


def global_avg_pool2d_backward(x_shape: Shape, dy: Array) -> Array:
    """Gradient of global average pooling, given `dy` [n, c]."""
    check_float32("global_avg_pool2d_backward", "dy", dy)
    x_shape = check_shape("global_avg_pool2d_backward", "x_shape", x_shape, 4)
    check_lengths("global_avg_pool2d_backward", "x_shape", x_shape, empty_batch=True)
    check_array("global_avg_pool2d_backward", "dy", dy, shape=(x_shape[0], x_shape[3]))
    check_pixels("global_avg_pool2d_backward", "dy", dy)
    return avg_pool2d_backward(x_shape, dy[:, None, None, :], x_shape[1:3])
