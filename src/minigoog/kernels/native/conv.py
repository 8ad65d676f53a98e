"""Convolution and its gradients: checks, then the algorithm chosen for the shape, group by group."""

import numpy as np

from minigoog._native import lib

from ...array_types import Array, Padding, Pair, Shape
from ...checks import check_array, check_out, check_shape
from ..reference.conv import channel_groups
from ..shapes import ConvShape, check_conv_arrays, conv_shape
from . import conv_algorithms, machine, workspace
from .pointers import check_float32, check_pixels, dense, pixels


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
    check_float32("conv2d", "x", x)
    check_conv_arrays("conv2d", x, w, b, relu)
    s = conv_shape("conv2d", x.shape, w.shape, stride, padding, groups, dilation)
    check_pixels("conv2d", "x", x)
    y = workspace.empty(s.y) if out is None else check_out("conv2d", out, s.y, x.dtype, x=x, w=w, b=b)
    chosen = conv_algorithms.choose("conv2d", algorithm, s)
    if groups == 1 or chosen.all_groups:
        chosen.forward(s, x, w, b, relu, y)
    else:
        for i, o in channel_groups(s):
            chosen.forward(_one_group(s), x[..., i], _dense(w[..., o]), None if b is None else b[o], relu, y[..., o])
    return y


def conv2d_input(
    x_shape: Shape, w: Array, dy: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    algorithm: str = "auto", accumulate: Array | None = None,
) -> Array:
    """Gradient of a convolution with respect to its input of shape `x_shape`, given `dy` [n, out_h, out_w, cout].

    `accumulate`: an array [n, h, w, cin] that the gradient is added to, and which is returned: the sum over several branches."""
    check_float32("conv2d_input", "w", w)
    s = conv_shape("conv2d_input", check_shape("conv2d_input", "x_shape", x_shape, 4), w.shape, stride, padding, groups, dilation)
    check_array("conv2d_input", "dy", dy, dtype=w.dtype, shape=s.y)
    check_pixels("conv2d_input", "dy", dy)
    chosen = conv_algorithms.choose("conv2d_input", algorithm, s)
    adds = accumulate is not None
    dx = workspace.empty(s.x) if accumulate is None else check_out("conv2d_input", accumulate, s.x, w.dtype, name="accumulate", w=w, dy=dy)
    if groups == 1 or chosen.all_groups:
        chosen.input(s, w, dy, dx, adds)
    else:
        for i, o in channel_groups(s):
            chosen.input(_one_group(s), _dense(w[..., o]), dy[..., o], dx[..., i], adds)
    return dx


def conv2d_weight(
    x: Array, w_shape: Shape, dy: Array, *, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1,
    algorithm: str = "auto",
) -> Array:
    """Gradient of a convolution with respect to its weights of shape `w_shape`, given `dy` [n, out_h, out_w, cout]."""
    check_float32("conv2d_weight", "x", x)
    s = conv_shape("conv2d_weight", x.shape, check_shape("conv2d_weight", "w_shape", w_shape, 4), stride, padding, groups, dilation)
    check_array("conv2d_weight", "dy", dy, dtype=x.dtype, shape=s.y)
    check_pixels("conv2d_weight", "x", x)
    chosen = conv_algorithms.choose("conv2d_weight", algorithm, s)
    dw = workspace.empty(s.weight)
    if groups == 1 or chosen.all_groups:
        chosen.weight(s, x, dy, dw)
    else:
        one = _one_group(s)
        for i, o in channel_groups(s):
            of_group = workspace.empty(one.weight)
            chosen.weight(one, x[..., i], dy[..., o], of_group)
            dw[..., o] = of_group
    return dw


def conv2d_bias(dy: Array) -> Array:
    """Gradient of a bias: the sum of `dy` [..., c] over all axes but the last."""
    check_array("conv2d_bias", "dy", dy, ndim=(1, 2, 3, 4))
    check_float32("conv2d_bias", "dy", dy)
    c = dy.shape[-1]
    rows = dy.size // c if c else 0
    pointer, lddy = pixels("conv2d_bias", "dy", dy)
    scratch, db = workspace.empty((lib.mg_column_sums_scratch(rows, c),)), np.empty(c, np.float32)
    lib.mg_column_sums(rows, c, pointer, lddy, *(dense("conv2d_bias", "sums", a) for a in (scratch, db)), machine.current())
    return db


def _one_group(s: ConvShape) -> ConvShape:
    """The shape of one group of a grouped convolution, as a separate convolution."""
    return s._replace(cin=s.cin // s.groups, cout=s.cout // s.groups, groups=1)


def _dense(w: Array) -> Array:
    return np.ascontiguousarray(w)
