"""Kernels for maps of bytes, in integers: exact sums, and one rule for all roundings.

A code q stands for the value scale * (q - zero). Maps are unsigned (after a ReLU zero is 0, so that padding is exact), weights signed with
one scale for each output channel. Whatever is scaled by a float32 factor is rounded to float32 before and after the product, and then,
as a code, to the nearest integer, ties to even. No sum follows a product, so there is nothing that a fused multiply-add could change."""

from typing import Any, TypeAlias

import numpy as np

from ...array_types import Array, Padding, Pair
from ...checks import check_array, check_choice, check_int, check_real
from ...checks import sides as check_sides
from ..shapes import ConvShape, Sides, conv_shape, pool_shape
from .conv import channel_groups, windows
from .pool import divisors, pooled

Codes: TypeAlias = np.ndarray[Any, Any]  # uint8
Int8s: TypeAlias = np.ndarray[Any, Any]
Int32s: TypeAlias = np.ndarray[Any, Any]
Limits: TypeAlias = tuple[float, float]

INT8_ALGORITHMS = ("auto", "direct", "pairs")
CODES = (0.0, 255.0)  # the limits of codes
LARGEST_CODE = 255
IMAGE_CHANNELS = 4
SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
MOST_SUMMED = 1 << 23  # codes of a window, whose sum is an int32 in C
LARGEST_WEIGHT = 127  # so that the weights are symmetrical
LARGEST_SUM = 2**31 - 1
WINOGRAD_SUM = 2**25  # of products: 64 times it has to fit 32 bits (csrc/int8_pairs.inc)


def quantize(x: Array, scale: float, zero: int = 0) -> Codes:
    """The codes of the float32 values `x`: rounded, at least 0, at most 255; the code of NaN is `zero`."""
    factor, zero = np.float32(1 / check_scale("quantize", scale)), check_int("quantize", "zero", zero, 0, 255)
    product = np.clip(check_array("quantize", "x", x, dtype=np.float32) * factor, np.float32(-zero), np.float32(255 - zero))
    return (np.rint(np.where(np.isnan(product), 0, product)) + zero).astype(np.uint8)


def quantize_image(x: Array, scales: Array, zeros: Array, sides: Sides = (0, 0, 0, 0)) -> Codes:
    """The codes of an image `x` [n, h, w, c] padded by `sides`. Each channel has a scale and a code of 0, which is
    the padding, rounded, and the code of NaN: from 0 to 255, and no integer in general. sides: top, left, bottom, right."""
    check_image("quantize_image", x, scales, zeros)
    factors, zeros = (1 / scales).astype(np.float32), zeros.astype(np.float32)
    top, left, bottom, right = check_sides("quantize_image", "sides", sides)
    product = np.pad(x * factors, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return np.rint(np.clip(np.where(np.isnan(product), 0, product) + zeros, 0, 255)).astype(np.uint8)


def check_image(where: str, x: Array, scales: Array, zeros: Array) -> None:
    """Raises unless these are an image of at most IMAGE_CHANNELS channels, their scales and their codes of 0."""
    check_array(where, "x", x, dtype=np.float32, ndim=4)
    c = x.shape[3]
    if not 0 < c <= IMAGE_CHANNELS:
        raise ValueError(f"{where}: `x` has {c} channels, expected 1 to {IMAGE_CHANNELS}")
    check_array(where, "scales", scales, dtype=np.float64, shape=(c,))
    check_array(where, "zeros", zeros, dtype=np.float64, shape=(c,))
    if not (scales >= np.finfo(np.float32).tiny).all() or not ((zeros >= 0) & (zeros <= LARGEST_CODE)).all():
        raise ValueError(f"{where}: `scales` are {scales}, `zeros` {zeros}, expected positive numbers, and numbers from 0 to 255")


def dequantize(codes: Codes, scale: float, zero: int = 0) -> Array:
    """The float32 values of `codes`."""
    check_array("dequantize", "codes", codes, dtype=np.uint8)
    shifted = codes.astype(np.int32) - check_int("dequantize", "zero", zero, 0, 255)
    return shifted.astype(np.float32) * np.float32(check_scale("dequantize", scale))


def check_scale(where: str, scale: float) -> float:
    """`scale` if it is a positive number; else an error."""
    return check_real(where, "scale", scale, SMALLEST_SCALE)


def check_sum(where: str, s: Any) -> None:
    """ValueError if the codes of a window, of 255 each, may add up to more than an int32."""
    if s.kh * s.kw >= MOST_SUMMED:
        raise ValueError(f"{where}: `kernel_size` is {(s.kh, s.kw)}, expected fewer than {MOST_SUMMED:,} pixels")


def quantize_weights(w: Array) -> tuple[Int8s, Array]:
    """(codes, scales): `w` [..., cout] as signed bytes, and the scale of each output channel, by which its largest weight is 127.

    Where all weights are 0, or so small that a float32 could not hold the scale, the codes are 0 and the scale is 1."""
    largest = np.abs(w).max(axis=tuple(range(w.ndim - 1))).astype(np.float64)
    scales = np.where(largest >= SMALLEST_SCALE * LARGEST_WEIGHT, largest / LARGEST_WEIGHT, 1.0)
    return np.rint(w / scales).astype(np.int8), scales


def check_int8_conv(
    x: Codes, w: Int8s, bias: Int32s, factors: Array, stride: Pair, padding: Padding, dilation: Pair, groups: int, limits: Limits,
    to_float: bool,
) -> ConvShape:
    """The shape of a convolution of codes; raises unless its arguments suit each other and no sum can overflow."""
    where = "int8_conv2d"
    check_array(where, "x", x, dtype=np.uint8)
    check_array(where, "w", w, dtype=np.int8)
    s = conv_shape(where, x.shape, w.shape, stride, padding, groups, dilation)
    check_array(where, "bias", bias, dtype=np.int32, shape=(s.cout,))
    check_array(where, "factors", factors, dtype=np.float32, shape=(s.cout,))
    least, largest = (-np.inf, np.inf) if to_float else CODES
    if not least <= limits[0] <= limits[1] <= largest:
        raise ValueError(f"{where}: `limits` are {limits}, expected the lower one first" + " and codes, from 0 to 255" * (not to_float))
    most = int(np.abs(w.astype(np.int64)).sum(axis=(0, 1, 2)).max(initial=0)) * 255 + int(np.abs(bias.astype(np.int64)).max(initial=0))
    if most > LARGEST_SUM:
        raise ValueError(f"{where}: sums of 255 times `w`, and `bias`, may reach {most}, expected at most {LARGEST_SUM} (32 bits)")
    return s


def suits_pairs(s: ConvShape, w: Int8s) -> bool:
    """Whether products of pairs of 16 bits compute this convolution: 1x1 windows; 3x3 windows by Winograd's algorithm in integers, if
    their sums cannot reach WINOGRAD_SUM."""
    one_by_one = (s.stride, s.dilation, s.groups) == ((1, 1), (1, 1), 1) and s.cin % 4 == 0 and s.cin * s.cout > 0
    if not one_by_one or (s.kh, s.kw) not in ((1, 1), (3, 3)):
        return False
    return s.kh == 1 or 255 * int(np.abs(w.astype(np.int64)).sum(axis=(0, 1, 2)).max()) < WINOGRAD_SUM


def check_int8_algorithm(algorithm: str, s: ConvShape, w: Int8s, to_float: bool) -> None:
    """Raises if `algorithm` is none of INT8_ALGORITHMS, or does not support the convolution."""
    check_choice("int8_conv2d", "algorithm", algorithm, INT8_ALGORITHMS)
    if algorithm == "pairs" and (to_float or not suits_pairs(s, w)):
        what = "1x1 windows, or 3x3 windows with sums below 2^25, without stride, dilation and groups, of 4, 8, 12... channels, to codes"
        raise ValueError(f"int8_conv2d: `algorithm` is 'pairs', which supports {what}")


def int8_conv2d(
    x: Codes, w: Int8s, bias: Int32s, factors: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    fill: int = 0, limits: Limits = CODES, to_float: bool = False, algorithm: str = "auto",
) -> Array:
    """(The exact sums of `x` [n, h, w, cin] times `w` [kh, kw, cin / groups, cout], plus `bias`) times `factors`, within `limits`.

    Codes, rounded; or, `to_float`, float32 values. The pixels of the padding are `fill`. `algorithm`, one of INT8_ALGORITHMS, changes
    no bit."""
    s = check_int8_conv(x, w, bias, factors, stride, padding, dilation, groups, limits, to_float)
    check_int8_algorithm(algorithm, s, w, to_float)
    top, left, bottom, right = s.padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=check_int("int8_conv2d", "fill", fill, 0, 255))
    sums = np.empty(s.y, np.float64)  # in which integers below 2^53 are exact
    bare = s._replace(padding=(0, 0, 0, 0))
    for i, o in channel_groups(s):
        sums[..., o] = np.tensordot(windows(padded[..., i].astype(np.float64), bare), w[..., o].astype(np.float64), ((4, 5, 3), (0, 1, 2)))
    products = (sums.astype(np.int64) + bias).astype(np.float32) * factors
    scaled = np.clip(products, np.float32(limits[0]), np.float32(limits[1]))
    return scaled if to_float else np.rint(scaled).astype(np.uint8)


def int8_max_pool2d(
    x: Codes, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1
) -> Codes:
    """The largest code of each window."""
    check_array("int8_max_pool2d", "x", x, dtype=np.uint8)
    s = pool_shape("int8_max_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    largest: Codes = pooled(x, s, 0).max(axis=(4, 5))
    return largest


def int8_avg_pool2d(
    x: Codes, scale: float, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False,
    dilation: Pair = 1, count_include_pad: bool = False,
) -> Array:
    """The means of each window's values in float32: the exact sum of its codes, times `scale` / (the number of its pixels)."""
    check_array("int8_avg_pool2d", "x", x, dtype=np.uint8)
    s = pool_shape("int8_avg_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    check_sum("int8_avg_pool2d", s)
    factors = np.float32(check_scale("int8_avg_pool2d", scale)) / divisors(s).astype(np.float32)
    sums: Array = pooled(x, s, 0).sum(axis=(4, 5), dtype=np.int64).astype(np.float32)
    return sums * factors
