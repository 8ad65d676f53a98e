"""Kernels for maps of bytes (csrc/int8.c, int8_maps.c). Their definition is kernels/reference/int8.py; all bits are the same."""

from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, Padding, Pair
from ...checks import check_array, check_int, check_out
from ...checks import sides as check_sides
from ..reference.conv import channel_groups
from ..reference.int8 import (
    CODES,
    Codes,
    Int8s,
    Int32s,
    Limits,
    check_image,
    check_int8_algorithm,
    check_int8_conv,
    check_scale,
    check_sum,
    suits_pairs,
)
from ..shapes import ConvShape, Sides, pool_shape
from . import machine, workspace
from .conv_geometry import Epilogue, geometry, padded_size
from .pointers import Pointer, dense, pixels
from .pool import pool_geometry

CHUNK = 7281  # tiles of 4 x 4 outputs times input channels for which weights are transformed once, as in int8_pairs.c
FEW_CHANNELS = {1: 96, 3: 16}  # of windows of 1x1 and 3x3, below which widening or transforming takes longer than it saves


def _bytes(where: str, name: str, a: Array) -> tuple[Pointer, int]:
    """(pointer, leading dimension) of a map of codes."""
    pointer, ld = pixels(where, name, a)
    return ffi.cast("uint8_t *", pointer), ld


def _rows(where: str, x: Array, y: Array, factor: float, zero: int) -> tuple[Any, Any, Any]:
    """struct mg_quantize and the pointers of a function of all pixels of `x`."""
    check_int(where, "zero", zero, 0, 255)
    c = x.shape[-1]
    (x_pointer, ldx), (y_pointer, ldy) = (pixels(where, "x", x), pixels(where, "out", y))
    return ffi.new("struct mg_quantize *", (x.size // c if c else 0, c, ldx, ldy, factor, zero)), x_pointer, y_pointer


def quantize(x: Array, scale: float, zero: int = 0) -> Codes:
    """The codes of the float32 values `x`."""
    factor = np.float32(1 / check_scale("quantize", scale))
    y = workspace.empty(check_array("quantize", "x", x, dtype=np.float32).shape, np.uint8)
    settings, x_pointer, y_pointer = _rows("quantize", x, y, float(factor), zero)
    lib.mg_quantize(settings, x_pointer, ffi.cast("uint8_t *", y_pointer), machine.current())
    return y


def quantize_image(x: Array, scales: Array, zeros: Array, sides: Sides = (0, 0, 0, 0)) -> Codes:
    """The codes of an image, each channel with a scale and a code of 0 of its own, on a canvas."""
    check_image("quantize_image", x, scales, zeros)
    x, (n, h, w, c), (top, left, bottom, right) = np.ascontiguousarray(x), x.shape, check_sides("quantize_image", "sides", sides)
    y = workspace.empty((n, top + h + bottom, left + w + right, c), np.uint8)
    place = ffi.new("struct mg_place *", (n, h, w, c, c, top, left, 1, 1, *y.shape[1:3]))
    codes = image_codes(scales, zeros)
    arrays = (dense("quantize_image", name, a) for name, a in (("x", x), ("codes", codes)))
    lib.mg_quantize_image(place, *arrays, dense("quantize_image", "y", y, "uint8_t[]"), machine.current())
    return y


def image_codes(scales: Array, zeros: Array) -> Array:
    """What mg_quantize_image reads."""
    return np.concatenate([1 / scales, zeros]).astype(np.float32)


def dequantize(codes: Codes, scale: float, zero: int = 0) -> Array:
    """The float32 values of `codes`."""
    y = workspace.empty(check_array("dequantize", "codes", codes, dtype=np.uint8).shape)
    settings, x_pointer, y_pointer = _rows("dequantize", codes, y, check_scale("dequantize", scale), zero)
    lib.mg_dequantize(settings, ffi.cast("uint8_t *", x_pointer), y_pointer, machine.current())
    return y


def int8_conv2d(
    x: Codes, w: Int8s, bias: Int32s, factors: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    fill: int = 0, limits: Limits = CODES, to_float: bool = False, algorithm: str = "auto", out: Array | None = None,
) -> Array:
    """Exact sums of products of bytes, times `factors`, within `limits`: as codes, or, `to_float`, as float32 values."""
    where, m = "int8_conv2d", machine.current()
    s = check_int8_conv(x, w, bias, factors, stride, padding, dilation, groups, limits, to_float)
    check_int8_algorithm(algorithm, s, w, to_float)
    dtype = np.dtype(np.float32 if to_float else np.uint8)
    y = workspace.empty(s.y, dtype) if out is None else check_out(where, out, s.y, dtype, x=x, w=w)
    x = _padded(s, x, check_int(where, "fill", fill, 0, 255), m) if any(s.padding) else x
    (x_pointer, ldx), (y_pointer, ldy) = _bytes(where, "x", x), pixels(where, "out", y)
    conv = settings(s, ldx, ldy, limits)
    panels = pack(m, conv, s, w, bias, factors)
    if algorithm == "auto":
        algorithm = "pairs" if not to_float and pairs_pay(m, conv, s, w) else "direct"
    _compute(m, algorithm, to_float, conv, x_pointer, dense(where, "panels", panels, "int32_t[]"), y_pointer)
    return y


def _compute(m: machine.Machine, algorithm: str, to_float: bool, conv: Pointer, x: Pointer, panels: Pointer, y: Pointer) -> None:
    codes = ffi.cast("uint8_t *", y)
    if algorithm == "pairs":
        scratch = workspace.empty((lib.mg_int8_pairs_scratch(conv, m),))
        lib.mg_int8_conv2d_pairs(conv, x, panels, codes, dense("int8_conv2d", "scratch", scratch, "int32_t[]"), m)
    elif to_float:
        lib.mg_int8_conv2d_float(conv, x, panels, y, m)
    else:
        lib.mg_int8_conv2d(conv, x, panels, codes, m)


def pairs_pay(m: machine.Machine, conv: Pointer, s: ConvShape, w: Int8s) -> bool:
    """Whether `pairs` is the faster algorithm for the convolution `s`, of which `conv` has the sizes."""
    if not suits_pairs(s, w) or s.cin < FEW_CHANNELS[s.kh] or s.cout < 16:
        return False
    return not has_dot(m) or (s.kh == 3 and _winograd_pays(conv, s.cin))


def _winograd_pays(conv: Pointer, cin: int) -> bool:
    """Whether a quarter of the products is worth it where an instruction makes four products of bytes and another two of pairs.

    A tile of 4 x 4 outputs then takes as long as 8 pixels by `direct`, its transforms as 128 / cin pixels, and those of the weights,
    for each chunk of tiles, as 5 tiles. 9 instead of 8: it has to save more than a tenth."""
    tiles = conv.n * -(-conv.out_h // 4) * -(-conv.out_w // 4)
    cost: float = tiles * (1 + 16 / cin) + 5 * -(-tiles * cin // CHUNK)
    return bool(9 * cost < conv.n * conv.out_h * conv.out_w)


def settings(s: ConvShape, ldx: int, ldy: int, limits: Limits) -> Pointer:
    """struct mg_conv of all groups of `s`; the limits are alpha and beta."""
    one = s._replace(cin=s.cin // s.groups, cout=s.cout // s.groups, groups=1)
    return geometry(one, ldx, ldy, Epilogue(alpha=limits[0], beta=limits[1]), s.groups)


def pack(m: machine.Machine, conv: Pointer, s: ConvShape, w: Int8s, bias: Int32s, factors: Array, out: Any = None) -> Int32s:
    """The panels of each group, one after the other, as int32."""
    size = lib.mg_int8_panels_size(conv, m)
    panels = (workspace.empty((s.groups * size,), np.int32) if out is None else out.view(np.int32)).reshape(s.groups, size)
    for of_group, (_, o) in zip(panels, channel_groups(s), strict=True):
        arrays = (np.ascontiguousarray(a[..., o]) for a in (w, bias, factors))
        pointers = (dense("int8_conv2d", *named) for named in zip(("w", "bias", "factors"), arrays, ("int8_t[]", "int32_t[]", "float[]"),
                                                                  strict=True))
        lib.mg_int8_pack(conv, *pointers, dense("int8_conv2d", "panels", of_group, "int32_t[]"), m)
    return panels.reshape(-1)


def _padded(s: ConvShape, x: Codes, fill: int, m: machine.Machine) -> Codes:
    canvas = workspace.empty((s.n, *padded_size(s), s.cin), np.uint8)
    pointer, ldx = _bytes("int8_conv2d", "x", x)
    place = ffi.new("struct mg_place *", (*x.shape, ldx, *s.padding[:2], 1, 1, *padded_size(s)))
    lib.mg_place_bytes(place, fill, pointer, dense("int8_conv2d", "canvas", canvas, "uint8_t[]"), m)
    return canvas


def int8_max_pool2d(
    x: Codes, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    out: Codes | None = None,
) -> Codes:
    """The largest code of each window."""
    where = "int8_max_pool2d"
    check_array(where, "x", x, dtype=np.uint8)
    s = pool_shape(where, x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    y: Codes = workspace.empty(s.y, np.uint8) if out is None else check_out(where, out, s.y, x.dtype, x=x)
    (x_pointer, ldx), (y_pointer, ldy) = _bytes(where, "x", x), _bytes(where, "out", y)
    lib.mg_int8_max_pool2d(pool_geometry(s, ldx, ldy), x_pointer, y_pointer, machine.current())
    return y


def int8_avg_pool2d(
    x: Codes, scale: float, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False,
    dilation: Pair = 1, count_include_pad: bool = False,
) -> Array:
    """The means of each window's values in float32."""
    where = "int8_avg_pool2d"
    check_array(where, "x", x, dtype=np.uint8)
    s = pool_shape(where, x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    check_sum(where, s)
    y = workspace.empty(s.y)
    (x_pointer, ldx), (y_pointer, ldy) = _bytes(where, "x", x), pixels(where, "y", y)
    average = ffi.new("struct mg_int8_average *", (pool_geometry(s, ldx, ldy)[0], check_scale(where, scale)))
    lib.mg_int8_avg_pool2d(average, x_pointer, y_pointer, machine.current())
    return y


def has_dot(m: machine.Machine) -> bool:
    """Whether `m` has an instruction for four products of bytes."""
    return bool(lib.mg_int8_has_dot(m))
