"""`direct`: convolution without im2col (csrc/conv_direct.c). The input gradient is the same convolution with flipped weights."""

from minigoog._native import lib

from ...array_types import Array
from ..shapes import ConvShape
from . import machine, workspace
from .conv_geometry import NOTHING, RELU, Algorithm, geometry, padded, place
from .pointers import NULL, dense, pixels


def forward(s: ConvShape, x: Array, w: Array, b: Array | None, relu: bool, y: Array, *, accumulate: bool = False) -> None:
    x_pointer, ldx = pixels("conv2d", "x", x := padded(s, x))
    y_pointer, ldy = pixels("conv2d", "out", y)
    m = machine.current()
    panels = pack(m, s.kh * s.kw * s.cin, s.cout, w, b)
    g = geometry(s, ldx, ldy, (RELU if relu else NOTHING)._replace(ldr=ldy))
    lib.mg_conv2d_direct(g, x_pointer, dense("conv2d", "panels", panels), y_pointer if accumulate else NULL, y_pointer, m)


def flip(s: ConvShape, w: Array) -> tuple[ConvShape, Array]:
    """The convolution of dy that gives dx: its shape (stride 1, no padding) and its weights."""
    height, width = s.h + s.span[0] - 1, s.w + s.span[1] - 1
    flipped = s._replace(h=height, w=width, cin=s.cout, cout=s.cin, stride=(1, 1), padding=(0, 0, 0, 0), out_h=s.h, out_w=s.w)
    w_flipped = workspace.empty((s.kh, s.kw, s.cout, s.cin))
    pointers = dense("conv2d_input", "w", w), dense("conv2d_input", "flipped", w_flipped)
    lib.mg_flip_weights(s.kh, s.kw, s.cin, s.cout, *pointers, machine.current())
    return flipped, w_flipped


def input(s: ConvShape, w: Array, dy: Array, dx: Array, accumulate: bool = False) -> None:
    flipped, w_flipped = flip(s, w)
    if not (s.kh == s.kw == 1 and s.stride == (1, 1) and not any(s.padding)):
        # dy with zeros between its pixels (the stride) and around them, so that every x sees each window that covered it.
        dy = place(dy, s.span[0] - 1 - s.padding[0], s.span[1] - 1 - s.padding[1], s.stride, flipped.h, flipped.w, name="dy")
    forward(flipped, dy, w_flipped, None, False, dx, accumulate=accumulate)


def weight(s: ConvShape, x: Array, dy: Array, dw: Array) -> None:
    x_pointer, ldx = pixels("conv2d_weight", "x", x := padded(s, x))
    dy_pointer, lddy = pixels("conv2d_weight", "dy", dy)
    g, m = geometry(s, ldx, lddy), machine.current()
    scratch = workspace.empty((lib.mg_conv2d_weight_scratch(g, m),))
    lib.mg_conv2d_weight_direct(
        g, x_pointer, dy_pointer, dense("conv2d_weight", "dw", dw), dense("conv2d_weight", "scratch", scratch), m
    )


def pack(m: machine.Machine, k: int, cout: int, w: Array, b: Array | None, out: Array | None = None) -> Array:
    """The weights [k, cout] and bias in the order in which the tiles of `m` read them."""
    panels = workspace.empty((lib.mg_panels_size(k, cout, m),)) if out is None else out
    bias = NULL if b is None else dense("conv2d", "b", b)
    lib.mg_pack_weights(k, cout, dense("conv2d", "w", w), bias, dense("conv2d", "panels", panels), m)
    return panels


ALGORITHM = Algorithm("direct", forward, input, weight, supports=lambda s: True)
