"""Convolution and its three gradients, by sliding windows."""

import numpy as np

from ...array_types import Array, Padding, Pair, Shape
from ...checks import check_array, check_choice, check_out, check_shape
from ..shapes import CONV_ALGORITHMS, ConvShape, check_conv_arrays, conv_shape
from .sums import total, wide


def windows(x: Array, s: ConvShape) -> Array:
    """The window under each output pixel of convolution `s`: a view [n, out_h, out_w, cin, kh, kw] of the padded map."""
    (top, left, bottom, right), (sh, sw), (dh, dw) = s.padding, s.stride, s.dilation
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, s.span, axis=(1, 2))[:, ::sh, ::sw, :, ::dh, ::dw]


def channel_groups(s: ConvShape) -> list[tuple[slice, slice]]:
    """(slice of input channels, slice of output channels) of each group of convolution `s`."""
    i, o = s.cin // s.groups, s.cout // s.groups
    return [(slice(g * i, (g + 1) * i), slice(g * o, (g + 1) * o)) for g in range(s.groups)]


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
    relu: bool = False,
    out: Array | None = None,
    algorithm: str = "auto",
) -> Array:
    """Convolution of `x` [n, h, w, cin] with `w` [kh, kw, cin / groups, cout], plus `b` [cout], then max(0, .) if `relu`.

    Returns [n, out_h, out_w, cout], in `out` if given, which may be a slice of a wider map's channels."""
    check_conv_arrays("conv2d", x, w, b, relu)
    check_choice("conv2d", "algorithm", algorithm, CONV_ALGORITHMS)
    s = conv_shape("conv2d", x.shape, w.shape, stride, padding, groups, dilation)
    y: Array = np.empty(s.y, x.dtype) if out is None else check_out("conv2d", out, s.y, x.dtype, x=x, w=w, b=b)
    for i, o in channel_groups(s):
        y[..., o] = np.tensordot(windows(wide(x[..., i]), s), wide(w[..., o]), axes=((4, 5, 3), (0, 1, 2)))
    if b is not None:
        y += b
    return np.maximum(y, 0, out=y) if relu else y


def conv2d_input(
    x_shape: Shape, w: Array, dy: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    algorithm: str = "auto", accumulate: Array | None = None,
) -> Array:
    """Gradient of a convolution with respect to its input of shape `x_shape`, given `dy` [n, out_h, out_w, cout].

    `accumulate`: an array [n, h, w, cin] that the gradient is added to, and which is returned: the sum over several branches."""
    check_array("conv2d_input", "w", w)
    check_choice("conv2d_input", "algorithm", algorithm, CONV_ALGORITHMS)
    s = conv_shape("conv2d_input", check_shape("conv2d_input", "x_shape", x_shape, 4), w.shape, stride, padding, groups, dilation)
    check_array("conv2d_input", "dy", dy, dtype=w.dtype, shape=s.y)
    (top, left, bottom, right), (sh, sw), (dh, dw) = s.padding, s.stride, s.dilation
    dx: Array = np.zeros((s.n, top + s.h + bottom, left + s.w + right, s.cin))
    dy, w_wide = wide(dy), wide(w)
    for i, o in channel_groups(s):
        for ky in range(s.kh):
            for kx in range(s.kw):
                rows, columns = slice(ky * dh, ky * dh + s.out_h * sh, sh), slice(kx * dw, kx * dw + s.out_w * sw, sw)
                dx[:, rows, columns, i] += dy[..., o] @ w_wide[ky, kx][:, o].T
    dx = np.ascontiguousarray(dx[:, top : top + s.h, left : left + s.w], dtype=w.dtype)
    if accumulate is None:
        return dx
    total: Array = check_out("conv2d_input", accumulate, s.x, w.dtype, name="accumulate", w=w, dy=dy)
    total += dx
    return total


def conv2d_weight(
    x: Array, w_shape: Shape, dy: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    algorithm: str = "auto",
) -> Array:
    """Gradient of a convolution with respect to its weights of shape `w_shape`, given `dy` [n, out_h, out_w, cout]."""
    check_array("conv2d_weight", "x", x)
    check_choice("conv2d_weight", "algorithm", algorithm, CONV_ALGORITHMS)
    s = conv_shape("conv2d_weight", x.shape, check_shape("conv2d_weight", "w_shape", w_shape, 4), stride, padding, groups, dilation)
    check_array("conv2d_weight", "dy", dy, dtype=x.dtype, shape=s.y)
    dw: Array = np.empty(s.weight, x.dtype)
    for i, o in channel_groups(s):
        by_channel = np.tensordot(windows(wide(x[..., i]), s), wide(dy[..., o]), axes=((0, 1, 2), (0, 1, 2)))  # [cin, kh, kw, cout]
        dw[..., o] = by_channel.transpose(1, 2, 0, 3)
    return dw


def conv2d_bias(dy: Array) -> Array:
    """Gradient of a bias: the sum of `dy` [..., c] over all axes but the last."""
    check_array("conv2d_bias", "dy", dy, ndim=(1, 2, 3, 4))
    return total(dy, tuple(range(dy.ndim - 1)))
