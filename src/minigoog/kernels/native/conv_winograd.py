"""`winograd`: 3x3 convolution of stride 1 by F(4x4, 3x3), a quarter of the multiplications (csrc/conv_winograd.c).

The input gradient is the same convolution with turned weights. The weight gradient is `direct`'s."""

from minigoog._native import ffi, lib

from . import conv_direct, workspace
from .conv_geometry import Algorithm, place
from .pointers import NULL, dense, pixels

SIDE = 4  # of the square of outputs that one tile computes


def supports(s):
    """Whether the window is 3x3 and its stride 1."""
    return (s.kh, s.kw, *s.stride) == (3, 3, 1, 1)


def forward(s, x, w, b, relu, y):
    h, w_padded = (-(-n // SIDE) * SIDE + 2 for n in (s.out_h, s.out_w))
    canvas = place(x, *s.padding, (1, 1), h, w_padded)
    panels = workspace.empty((lib.mg_winograd_panels_size(s.cin, s.cout),))
    lib.mg_winograd_pack(s.cin, s.cout, dense("conv2d", "w", w), dense("conv2d", "panels", panels))
    y_pointer, y_pixel = pixels("conv2d", "out", y)
    g = ffi.new("struct mg_conv *", (s.n, h, w_padded, s.cin, 3, 3, 1, 1, s.out_h, s.out_w, s.cout, s.cin, y_pixel))
    scratch = workspace.empty((lib.mg_conv2d_winograd_scratch(g),))
    bias = NULL if b is None else dense("conv2d", "b", b)
    lib.mg_conv2d_winograd(
        g, dense("conv2d", "x", canvas), dense("conv2d", "panels", panels), bias, relu, y_pointer, dense("conv2d", "scratch", scratch)
    )


def input(s, w, dy, dx):
    turned, w_turned = conv_direct.turn(s, w)
    forward(turned._replace(h=s.out_h, w=s.out_w, padding=(2 - s.padding[0], 2 - s.padding[1])), dy, w_turned, None, False, dx)


ALGORITHM = Algorithm(forward, input, conv_direct.weight, supports)
