"""Kernels for maps of bf16 (csrc/bf16.c). Their definition is kernels/reference/bf16.py."""

from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, Padding, Pair
from ...checks import check_array, check_out
from ..reference.bf16 import INFINITE, Halves, check_bf16_conv
from ..reference.conv import channel_groups
from ..reference.int8 import Limits
from ..shapes import ConvShape, pool_shape
from . import machine, workspace
from .conv_geometry import padded_size
from .int8 import settings
from .pointers import NULL, Pointer, check_float32, dense, pixels
from .pool import pool_geometry


def halves(where: str, name: str, a: Array) -> tuple[Pointer, int]:
    """(pointer, leading dimension) of a map of bf16."""
    pointer, ld = pixels(where, name, a)
    return ffi.cast("uint16_t *", pointer), ld


def to_bf16(x: Array, out: Halves | None = None) -> Halves:
    """The float32 values `x` in bf16."""
    check_float32("to_bf16", "x", x)
    y: Halves = workspace.empty(x.shape, np.uint16) if out is None else check_out("to_bf16", out, x.shape, np.dtype(np.uint16), x=x)
    s, x_pointer, y_pointer = _rows("to_bf16", x, y)
    lib.mg_to_bf16(s, x_pointer, ffi.cast("uint16_t *", y_pointer), machine.current())
    return y


def from_bf16(x: Halves) -> Array:
    """The float32 values of `x` in bf16."""
    y = workspace.empty(check_array("from_bf16", "x", x, dtype=np.uint16).shape)
    s, x_pointer, y_pointer = _rows("from_bf16", x, y)
    lib.mg_from_bf16(s, ffi.cast("uint16_t *", x_pointer), y_pointer, machine.current())
    return y


def _rows(where: str, x: Array, y: Array) -> tuple[Any, Any, Any]:
    """struct mg_elementwise and the pointers of a function of all values of `x`: rows as long as they may be."""
    (x_pointer, ldx), (y_pointer, ldy) = pixels(where, "x", np.atleast_1d(x)), pixels(where, "out", np.atleast_1d(y))
    c = x.shape[-1] if x.ndim else 1
    if x.flags.c_contiguous and y.flags.c_contiguous:
        c = ldx = ldy = next((n for n in (4096, 1024, 256, 64) if x.size % n == 0), c)
    return ffi.new("struct mg_elementwise *", (x.size // c if c else 0, c, ldx, ldx, ldy)), x_pointer, y_pointer


def place(
    where: str, name: str, x: Halves, top: int, left: int, step: tuple[int, int], height: int, width: int, dtype: Any = np.uint16
) -> Array:
    """`x` on a canvas of zeros, as conv_geometry.place, in bf16 or widened to float32."""
    m, (n, h, w, c) = machine.current(), x.shape
    canvas = workspace.empty((n, height, width, c), dtype)
    x_pointer, ldx = halves(where, name, x)
    s = ffi.new("struct mg_place *", (n, h, w, c, ldx, top, left, *step, height, width))
    if dtype == np.float32:
        lib.mg_bf16_place_float(s, x_pointer, ffi.from_buffer("float[]", canvas), m)
    else:
        lib.mg_bf16_place(s, x_pointer, ffi.from_buffer("uint16_t[]", canvas), m)
    return canvas


def padded(where: str, s: ConvShape, x: Halves) -> Halves:
    """`x` with the padding of `s`; `x` itself if there is none."""
    return place(where, "x", x, *s.padding[:2], (1, 1), *padded_size(s)) if any(s.padding) else x


def bf16_conv2d(
    x: Halves, w: Halves, b: Array | None = None, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    limits: Limits = INFINITE, to_float: bool = False, out: Array | None = None,
) -> Array:
    """Products of bf16, summed in float32, within `limits`: in bf16, or, `to_float`, in float32."""
    where, m = "bf16_conv2d", machine.current()
    s = check_bf16_conv(x, w, b, stride, padding, dilation, groups, limits)
    dtype = np.dtype(np.float32 if to_float else np.uint16)
    y = workspace.empty(s.y, dtype) if out is None else check_out(where, out, s.y, dtype, x=x, w=w)
    x = padded(where, s, x)
    (x_pointer, ldx), (y_pointer, ldy) = halves(where, "x", x), pixels(where, "out", y)
    conv = settings(s, ldx, ldy, limits)
    panels = dense(where, "panels", pack(m, conv, s, w, b), "int32_t[]")
    if to_float:
        lib.mg_bf16_conv2d_float(conv, x_pointer, panels, y_pointer, m)
    else:
        lib.mg_bf16_conv2d(conv, x_pointer, panels, ffi.cast("uint16_t *", y_pointer), m)
    return y


def pack(m: machine.Machine, conv: Pointer, s: ConvShape, w: Halves, b: Array | None, out: Any = None) -> Array:
    """The panels of each group, one after the other, as int32."""
    size = lib.mg_bf16_panels_size(conv, m)
    panels = (workspace.empty((s.groups * size,), np.int32) if out is None else out.view(np.int32)).reshape(s.groups, size)
    for of_group, (_, o) in zip(panels, channel_groups(s), strict=True):
        weights = dense("bf16_conv2d", "w", np.ascontiguousarray(w[..., o]), "uint16_t[]")
        bias = NULL if b is None else dense("bf16_conv2d", "b", np.ascontiguousarray(b[o]))
        lib.mg_bf16_pack(conv, weights, bias, dense("bf16_conv2d", "panels", of_group, "int32_t[]"), m)
    found: Array = panels.reshape(-1)
    return found


def bf16_max_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    out: Halves | None = None,
) -> Halves:
    """The largest value of each window, of which -0 is below 0."""
    where = "bf16_max_pool2d"
    check_array(where, "x", x, dtype=np.uint16)
    s = pool_shape(where, x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    y: Halves = workspace.empty(s.y, np.uint16) if out is None else check_out(where, out, s.y, x.dtype, x=x)
    (x_pointer, ldx), (y_pointer, ldy) = halves(where, "x", x), halves(where, "out", y)
    lib.mg_bf16_max_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, machine.current())
    return y


def bf16_avg_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    count_include_pad: bool = False,
) -> Array:
    """The means of each window's values in float32."""
    where = "bf16_avg_pool2d"
    check_array(where, "x", x, dtype=np.uint16)
    s = pool_shape(where, x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    y = workspace.empty(s.y)
    (x_pointer, ldx), (y_pointer, ldy) = halves(where, "x", x), pixels(where, "y", y)
    lib.mg_bf16_avg_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, machine.current())
    return y


def has_dot(m: machine.Machine) -> bool:
    """Whether `m` has an instruction for products of bf16."""
    return bool(lib.mg_bf16_has_dot(m))
