"""Kernels for maps of bf16, the upper halves of float32 numbers, held as uint16: sums in float32, and one order for them.

A convolution adds its products to the bias tap by tap, of each tap pair by pair of channels, the odd channel of a pair before the even one,
each time rounding the sum to float32: the order of AVX512_BF16's instruction. A product of two bf16 is exact in float32. What is smaller
than 2^-126 is outside of this definition: the instruction makes zeros of such products and sums, float32 arithmetic keeps them."""

from typing import Any, TypeAlias

import numpy as np

from ...array_types import Array, Padding, Pair
from ...checks import check_array
from ..shapes import ConvShape, conv_shape, pool_shape
from .conv import channel_groups, windows
from .int8 import Limits
from .pool import divisors, pooled

Halves: TypeAlias = np.ndarray[Any, Any]  # uint16
NAN = 0x7FC0
INFINITE: Limits = (-float("inf"), float("inf"))


def to_bf16(x: Array) -> Halves:
    """The float32 values `x` in bf16: rounded to nearest, ties to even; below 2^-126 zeros with their sign; NaN stays NaN, without sign."""
    bits = np.ascontiguousarray(check_array("to_bf16", "x", x, dtype=np.float32)).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + (bits >> 16 & 1)
    rounded = np.where(bits & 0x7F800000, rounded, bits & 0x80000000) >> 16
    return np.where(np.isnan(x), NAN, rounded).astype(np.uint16).reshape(x.shape)


def from_bf16(x: Halves) -> Array:
    """The float32 values of `x` in bf16, exactly."""
    bits = np.left_shift(check_array("from_bf16", "x", x, dtype=np.uint16), 16, dtype=np.uint32)
    return np.asarray(bits).view(np.float32)


def check_bf16_conv(
    x: Halves, w: Halves, b: Array | None, stride: Pair, padding: Padding, dilation: Pair, groups: int, limits: Limits
) -> ConvShape:
    """The shape of a convolution of bf16; raises unless its arguments suit each other."""
    where = "bf16_conv2d"
    check_array(where, "x", x, dtype=np.uint16)
    check_array(where, "w", w, dtype=np.uint16)
    s = conv_shape(where, x.shape, w.shape, stride, padding, groups, dilation)
    if b is not None:
        check_array(where, "b", b, dtype=np.float32, shape=(s.cout,))
    if not limits[0] <= limits[1]:
        raise ValueError(f"{where}: `limits` are {limits}, expected the lower one first")
    return s


def bf16_conv2d(
    x: Halves, w: Halves, b: Array | None = None, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    limits: Limits = INFINITE, to_float: bool = False,
) -> Array:
    """`x` [n, h, w, cin] convolved with `w` [kh, kw, cin / groups, cout], plus `b`, within `limits`: in bf16, or, `to_float`, float32."""
    s = check_bf16_conv(x, w, b, stride, padding, dilation, groups, limits)
    sums = np.empty(s.y, np.float32)
    sums[...] = 0 if b is None else b
    for i, o in channel_groups(s):
        add_products(windows(from_bf16(x)[..., i], s), from_bf16(w)[..., o], sums[..., o])
    with np.errstate(invalid="ignore"):
        scaled = np.clip(sums, np.float32(limits[0]), np.float32(limits[1]))
    return scaled if to_float else to_bf16(scaled)


def add_products(x: Array, w: Array, sums: Array) -> None:
    """Adds the products of windows [n, h, w, cin, kh, kw] in the order of pairs of channels."""
    kh, kw, cin, _ = w.shape
    order = [c for pair in range(0, cin, 2) for c in (pair + 1, pair) if c < cin]
    with np.errstate(over="ignore", invalid="ignore"):
        for u, v, c in ((u, v, c) for u in range(kh) for v in range(kw) for c in order):
            sums += x[..., c, u, v, None] * w[u, v, c]


def bf16_max_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1
) -> Halves:
    """The largest value of each window, of which -0 is below 0; NaN if there is one."""
    check_array("bf16_max_pool2d", "x", x, dtype=np.uint16)
    s = pool_shape("bf16_max_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation)
    return _in_order(pooled(_in_order(x).view(np.int16), s, np.iinfo(np.int16).min).max(axis=(4, 5)).view(np.uint16))


def _in_order(x: Halves) -> Halves:
    """Bits that as int16 are in the order of the numbers, of which NaN (positive here) is the largest; the same function leads back."""
    return x ^ (x.view(np.int16) >> 15 & 0x7FFF).view(np.uint16)


def bf16_avg_pool2d(
    x: Halves, kernel_size: Pair, *, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
    count_include_pad: bool = False,
) -> Array:
    """The means of each window's values in float32, summed from its first pixel on."""
    check_array("bf16_avg_pool2d", "x", x, dtype=np.uint16)
    s = pool_shape("bf16_avg_pool2d", x.shape, kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)
    found, inside = np.zeros(s.y, np.float32), pooled(from_bf16(x), s, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        for u, v in np.ndindex(inside.shape[4:]):
            found += inside[..., u, v]
        found /= divisors(s).astype(np.float32)
    return found
