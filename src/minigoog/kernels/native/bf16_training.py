"""Training in bf16 (csrc/bf16_training.c, bf16_weight.c): maps are bf16 (uint16), weights and gradients of maps float32.

3x3 convolutions are computed by Winograd's algorithm where that is faster (csrc/bf16_winograd_4.c, bf16_winograd_weight.c), those in
groups in float32 (`by_winograd`)."""

from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, Padding, Pair, Shape
from ...checks import check_array, check_bool, check_out, check_shape
from ..reference.bf16 import INFINITE, Halves
from ..reference.bf16_training import (  # noqa: F401
    LARGEST_WINDOW,
    check_conv,
    check_gradient,
    check_map,
    check_map_out,
    check_relu,
    check_window,
    shape_of,
)
from ..shapes import ConvShape, conv_shape, pool_shape
from . import conv, conv_algorithms, conv_direct, conv_geometry, conv_winograd, machine, workspace
from .bf16 import from_bf16, halves, padded, place, to_bf16
from .conv_geometry import NOTHING, RELU, geometry
from .int8 import settings
from .pointers import NULL, Pointer, check_dense, check_pixels, dense, pixels
from .pool import pool_geometry

SIDE = 4  # of the tiles of Winograd's algorithm


def is_fast() -> bool:
    """Whether the CPU has an instruction for products of bf16."""
    return bool(lib.mg_bf16_has_dot(machine.current()))


def by_winograd(s: ConvShape) -> bool:
    """Whether the gradient of a convolution's output stays in float32: of one in groups, which is computed in float32, and of one by
    Winograd's F(4x4, 3x3), whose transforms, in float32, are what is rounded to bf16."""
    return s.groups > 1 or (s.kh == s.kw == 3 and conv_algorithms.winograd_pays("conv2d_weight", s))


def conv2d(
    x: Array | Halves, w: Array, b: Array | None = None, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    relu: bool = False, out: Array | Halves | None = None,
) -> Array | Halves:
    """The convolution of `x`, in bf16 or rounded to it, with `w` and `b` in float32, then ReLU: of the type of `out`, or in bf16."""
    where = "bf16.conv2d"
    s = check_conv(where, x, w, b, relu, stride, padding, dilation, groups)
    check_pixels(where, "x", x)
    y = workspace.empty(s.y, np.uint16) if out is None else check_map_out(where, out, s.y, x=x, w=w, b=b)
    if groups > 1:
        return _widened(s, x, w, b, relu, y)
    if by_winograd(s):
        return _winograd(s, x, w, b, relu, y)
    x = _canvas(where, s, x)
    (x_pointer, ldx), (y_pointer, ldy) = halves(where, "x", x), pixels(where, "out", y)
    m, g = machine.current(), settings(s, ldx, ldy, (0, np.inf) if relu else INFINITE)
    panels = _pack(m, g, w, b)
    if y.dtype == np.uint16:
        lib.mg_bf16_conv2d(g, x_pointer, panels, ffi.cast("uint16_t *", y_pointer), m)
    else:
        lib.mg_bf16_conv2d_float(g, x_pointer, panels, y_pointer, m)
    return y


def _pack(m: machine.Machine, g: Pointer, w: Array, b: Array | None) -> Pointer:
    """The panels of `w`, rounded to bf16, and `b`."""
    panels = dense("bf16.conv2d", "panels", workspace.empty((lib.mg_bf16_panels_size(g, m),)), "int32_t[]")
    bias = NULL if b is None else dense("bf16.conv2d", "b", b)
    lib.mg_bf16_pack_float(g, dense("bf16.conv2d", "w", w), bias, panels, m)
    return panels


def _canvas(where: str, s: ConvShape, x: Array | Halves) -> Halves:
    """`x` with its padding in bf16."""
    return padded(where, s, to_bf16(x) if x.dtype == np.float32 else x)


def _widened(s: ConvShape, x: Array | Halves, w: Array, b: Array | None, relu: bool, y: Array | Halves) -> Array | Halves:
    """The convolution in groups in float32, rounded to the type of `y`."""
    wide, x = workspace.empty(s.y) if y.dtype == np.uint16 else y, x if x.dtype == np.float32 else from_bf16(x)
    conv.conv2d(x, w, b, stride=s.stride, padding=s.padding, dilation=s.dilation, groups=s.groups, relu=relu, out=wide)
    return to_bf16(wide, y) if y.dtype == np.uint16 else y


def _winograd(
    s: ConvShape, x: Array | Halves, w: Array, b: Array | None, relu: bool, y: Array | Halves, adds: bool = False
) -> Array | Halves:
    """The convolution by Winograd's algorithm; `adds`: to what is in `y`, of float32."""
    where, m = "bf16.conv2d", machine.current()
    panels = dense(where, "panels", workspace.empty((lib.mg_bf16_winograd_4_size(s.cin, s.cout, m),)), "int32_t[]")
    lib.mg_bf16_winograd_4_pack(s.cin, s.cout, dense(where, "w", w), panels, m)
    (x_pointer, ldx), (y_pointer, ldy) = pixels(where, "x", x), pixels(where, "out", y)
    g = geometry(s._replace(padding=(0, 0, 0, 0)), ldx, ldy, (RELU if relu else NOTHING)._replace(ldr=ldy))
    bias = NULL if b is None else dense(where, "b", b)
    operands = ffi.new("struct mg_bf16_operands *", (*s.padding[:2], *_either(x, x_pointer), bias, *_either(y, y_pointer), adds))
    scratch = dense(where, "scratch", workspace.empty((lib.mg_bf16_winograd_4_scratch(g, m),)))
    lib.mg_bf16_conv2d_winograd_4(g, operands, panels, scratch, m)
    return y


def _either(a: Array | Halves, pointer: Pointer) -> tuple[Pointer, Pointer]:
    """(pointer to bf16, pointer to float32): one of them NULL."""
    return (ffi.cast("uint16_t *", pointer), NULL) if a.dtype == np.uint16 else (NULL, pointer)


def _wide_canvas(s: ConvShape, x: Array | Halves) -> Array:
    """`x` in float32 on the canvas of Winograd's tiles."""
    size = conv_winograd.canvas_size(s, SIDE)
    if x.dtype == np.float32:
        return conv_geometry.place(x, *s.padding[:2], (1, 1), *size)
    return place("bf16.conv2d_weight", "x", x, *s.padding[:2], (1, 1), *size, np.float32)


def conv2d_input(
    x_shape: Shape, w: Array, dz: Array | Halves, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    accumulate: Array | None = None,
) -> Array:
    """Gradient of `conv2d` with respect to its input, in float32; dz: in bf16, or, where `by_winograd` says so, in float32."""
    where = "bf16.conv2d_input"
    window: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    s = conv_shape(where, check_shape(where, "x_shape", x_shape, 4), check_array(where, "w", w, dtype=np.float32).shape, stride, padding,
                   groups, dilation)
    check_gradient(where, dz, s, by_winograd(s))
    check_pixels(where, "dz", dz)
    if accumulate is not None:
        check_out(where, accumulate, s.x, w.dtype, name="accumulate", w=w, dz=dz)
    if groups > 1:
        return conv.conv2d_input(x_shape, w, dz, accumulate=accumulate, **window)
    check_dense(where, "w", w)
    dx = workspace.empty(s.x) if accumulate is None else accumulate
    flipped, w_flipped = conv_direct.flip(s, w)
    if by_winograd(s):
        around = (2 - s.padding[0], 2 - s.padding[1], 0, 0)
        _winograd(flipped._replace(h=s.out_h, w=s.out_w, padding=around), dz, w_flipped, None, False, dx, adds=accumulate is not None)
        return dx
    if not (s.kh == s.kw == 1 and s.stride == (1, 1) and not any(s.padding)):
        dz = place(where, "dz", dz, s.span[0] - 1 - s.padding[0], s.span[1] - 1 - s.padding[1], s.stride, flipped.h, flipped.w)
    (dz_pointer, lddz), (dx_pointer, lddx) = halves(where, "dz", dz), pixels(where, "dx", dx)
    m, g = machine.current(), settings(flipped, lddz, lddx, INFINITE)
    kernel = lib.mg_bf16_conv2d_float if accumulate is None else lib.mg_bf16_conv2d_add
    kernel(g, dz_pointer, _pack(m, g, w_flipped, None), dx_pointer, m)
    return dx


def conv2d_weight(
    x: Array | Halves, w_shape: Shape, dz: Array | Halves, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1
) -> Array:
    """Gradient of `conv2d` with respect to its weights, in float32; dz: as of `conv2d_input`."""
    where = "bf16.conv2d_weight"
    w_shape = check_shape(where, "w_shape", w_shape, 4)
    s = conv_shape(where, check_map(where, "x", x).shape, w_shape, stride, padding, groups, dilation)
    check_gradient(where, dz, s, by_winograd(s))
    check_pixels(where, "x", x)
    check_pixels(where, "dz", dz)
    if by_winograd(s):
        return _widened_weight(s, x, dz)
    x = _canvas(where, s, x)
    (x_pointer, ldx), (dz_pointer, lddz) = halves(where, "x", x), halves(where, "dz", dz)
    m, g = machine.current(), settings(_as_row(s), ldx, lddz, INFINITE)
    dw = workspace.empty(s.weight)
    scratch = dense(where, "scratch", workspace.empty((lib.mg_bf16_conv2d_weight_scratch(g, m),)), "int32_t[]")
    lib.mg_bf16_conv2d_weight(g, x_pointer, dz_pointer, dense(where, "dw", dw), scratch, m)
    return dw


def _widened_weight(s: ConvShape, x: Array | Halves, dz: Array) -> Array:
    if s.groups == 1:
        return _weight_by_winograd(s, _wide_canvas(s, x), dz)
    x = x if x.dtype == np.float32 else from_bf16(x)
    return conv.conv2d_weight(x, s.weight, dz, stride=s.stride, padding=s.padding, dilation=s.dilation, groups=s.groups)


def _weight_by_winograd(s: ConvShape, canvas: Array, dz: Array) -> Array:
    where, dw = "bf16.conv2d_weight", workspace.empty(s.weight)
    dz_pointer, lddz = pixels(where, "dz", dz)
    m, g = machine.current(), conv_winograd.geometry(s, SIDE, lddz)
    scratch = workspace.empty((lib.mg_bf16_conv2d_weight_winograd_scratch(g, m),))
    pointers = dense(where, "x", canvas), dz_pointer, dense(where, "dw", dw), dense(where, "scratch", scratch)
    lib.mg_bf16_conv2d_weight_winograd(g, *pointers, m)
    return dw


def _as_row(s: ConvShape) -> ConvShape:
    """A convolution of single pixels on a map of one row, so that no pixel is without a neighbour."""
    if (s.kh, s.kw, *s.stride) != (1, 1, 1, 1) or any(s.padding) or s.n == 0:
        return s
    return s._replace(n=1, h=1, w=s.n * s.h * s.w, out_h=1, out_w=s.n * s.h * s.w)


def relu_bias_backward(y: Array | Halves, dy: Array, *, to_bf16: bool, out: Array | None = None) -> tuple[Array | Halves, Array]:
    """(dz, db) of y = relu(z): as kernels.relu_bias_backward; dz in bf16, or in float32, then in `out`, if given."""
    where = "bf16.relu_bias_backward"
    check_relu(where, y, dy, to_bf16, out)
    dz = workspace.empty(y.shape, np.uint16) if to_bf16 else workspace.empty(y.shape) if out is None else out
    (y_pointer, ldy), (dy_pointer, lddy), (dz_pointer, lddz) = halves(where, "y", y), pixels(where, "dy", dy), pixels(where, "out", dz)
    c = y.shape[-1]
    n_rows = y.size // c if c else 0
    scratch, db = workspace.empty((lib.mg_column_sums_scratch(n_rows, c),)), np.empty(c, np.float32)
    outs = (NULL, ffi.cast("uint16_t *", dz_pointer)) if to_bf16 else (dz_pointer, NULL)
    s = ffi.new("struct mg_elementwise *", (n_rows, c, ldy, lddy, lddz))
    lib.mg_bf16_relu_sums(s, y_pointer, dy_pointer, *outs, *(dense(where, "sums", a) for a in (scratch, db)), machine.current())
    return dz, db


def max_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    out: Halves | None = None, with_index: bool = True,
) -> tuple[Halves, Any]:
    """(y, index): the largest value of each window, of which -0 is below 0, and, if `with_index`, the number, in its window without
    padding, of the first pixel that has it, as uint8."""
    where = "bf16.max_pool2d"
    check_bool(where, "with_index", with_index)
    s = pool_shape(where, check_array(where, "x", x, dtype=np.uint16).shape, kernel_size, stride, padding, ceil_mode, dilation)
    m, y = machine.current(), workspace.empty(s.y, np.uint16) if out is None else check_out(where, out, s.y, x.dtype, x=x)
    (x_pointer, ldx), (y_pointer, ldy) = halves(where, "x", x), halves(where, "out", y)
    if not with_index:
        lib.mg_bf16_max_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, m)
        return y, None
    index = workspace.empty(check_window(where, s).y, np.uint8)
    index_pointer = dense(where, "index", index, "uint8_t[]")
    lib.mg_bf16_max_pool2d_index(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, index_pointer, m)
    return y, index


def max_pool2d_backward(
    x_shape: Shape, index: Array, dy: Array, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0,
    ceil_mode: bool = False, dilation: Pair = 1,
) -> Array:
    """Gradient of `max_pool2d`: each of `dy` goes to the pixel of its window that `index` names."""
    where = "bf16.max_pool2d_backward"
    s = pool_shape(where, check_shape(where, "x_shape", x_shape, 4), kernel_size, stride, padding, ceil_mode, dilation)
    check_array(where, "index", index, dtype=np.dtype(np.uint8), shape=check_window(where, s).y)
    check_array(where, "dy", dy, dtype=np.dtype(np.float32), shape=s.y)
    dx = workspace.empty(s.x)
    dy_pointer, lddy = pixels(where, "dy", dy)
    index_pointer = dense(where, "index", index, "uint8_t[]")
    lib.mg_bf16_max_pool2d_backward(pool_geometry(s, s.c, lddy), index_pointer, dy_pointer, dense(where, "dx", dx), machine.current())
    return dx
