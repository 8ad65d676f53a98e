"""`depthwise`: each channel has its own window, and padding is not copied (csrc/depthwise.c)."""

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ..shapes import ConvShape
from . import machine, workspace
from .conv_geometry import NOTHING, RELU, Algorithm, Epilogue, place
from .pointers import NULL, Pointer, dense, pixels

MOST_TAPS = 4096  # LONG_SUM of csrc/geometry.h


def supports(s: ConvShape) -> bool:
    """Whether each of several channels has a group of its own, and one output channel."""
    return 1 < s.groups == s.cin == s.cout and s.kh * s.kw <= MOST_TAPS


def geometry(s: ConvShape, ldx: int, ldy: int, epilogue: Epilogue = NOTHING) -> Pointer:
    """struct mg_depthwise of `s`."""
    window = s.kh, s.kw, *s.stride, *s.padding[:2], *s.dilation
    return ffi.new("struct mg_depthwise *", (s.n, s.h, s.w, s.cin, *window, s.out_h, s.out_w, ldx, ldy, *epilogue))


def forward(s: ConvShape, x: Array, w: Array, b: Array | None, relu: bool, y: Array) -> None:
    (x_pointer, ldx), (y_pointer, ldy) = pixels("conv2d", "x", x), pixels("conv2d", "out", y)
    g, bias = geometry(s, ldx, ldy, RELU if relu else NOTHING), NULL if b is None else dense("conv2d", "b", b)
    lib.mg_depthwise(g, x_pointer, dense("conv2d", "w", w), bias, NULL, y_pointer, machine.current())


def input(s: ConvShape, w: Array, dy: Array, dx: Array, accumulate: bool = False) -> None:
    """The depthwise convolution of dy, with zeros between its pixels (the stride), with flipped weights."""
    top, left = s.span[0] - 1 - s.padding[0], s.span[1] - 1 - s.padding[1]
    h, w_spread = ((n - 1) * stride + 1 for n, stride in zip((s.out_h, s.out_w), s.stride, strict=True))
    cut = min(top, 0), min(left, 0)  # more padding than window: the rest of dy is not under any pixel
    if s.stride != (1, 1) or cut != (0, 0):
        dy = place(dy, *cut, s.stride, h := max(h + cut[0], 1), w_spread := max(w_spread + cut[1], 1), name="dy")
    flipped = s._replace(h=h, w=w_spread, stride=(1, 1), padding=(max(top, 0), max(left, 0), 0, 0), out_h=s.h, out_w=s.w)
    own = workspace.empty(s.x) if accumulate else dx
    forward(flipped, dy, np.ascontiguousarray(w[::-1, ::-1]), None, False, own)
    if accumulate:
        dx += own


def weight(s: ConvShape, x: Array, dy: Array, dw: Array) -> None:
    (x_pointer, ldx), (dy_pointer, lddy) = pixels("conv2d_weight", "x", x), pixels("conv2d_weight", "dy", dy)
    g = geometry(s, ldx, lddy)
    scratch = workspace.empty((lib.mg_depthwise_weight_scratch(g),))
    pointers = dense("conv2d_weight", "dw", dw), dense("conv2d_weight", "scratch", scratch)
    lib.mg_depthwise_weight(g, x_pointer, dy_pointer, *pointers, machine.current())


ALGORITHM = Algorithm("depthwise", forward, input, weight, supports, all_groups=True)
