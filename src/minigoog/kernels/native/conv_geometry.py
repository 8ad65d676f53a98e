"""What all convolution algorithms share: padding, and the shape as C sees it."""

from collections.abc import Callable
from typing import NamedTuple

from minigoog._native import ffi, lib

from . import workspace
from .pointers import pixels


class Algorithm(NamedTuple):
    """One way to compute a convolution: three functions that write into an array of the caller, and which shapes they can do.

    `s` is a ConvShape of one group."""

    forward: Callable  # (s, x, w, b or None, relu, y)
    input: Callable  # (s, w, dy, dx)
    weight: Callable  # (s, x, dy, dw)
    supports: Callable  # (s) -> bool


def place(x, top, left, step, height, width, name="x"):
    """`x` on a canvas [n, height, width, c] of zeros: pixel (i, j) at (top + i * step[0], left + j * step[1]) where that is inside."""
    n, h, w, c = x.shape
    canvas = workspace.empty((n, height, width, c))
    pointer, x_pixel = pixels("conv2d", name, x)
    lib.mg_place(n, h, w, c, pointer, x_pixel, top, left, *step, height, width, ffi.from_buffer("float[]", canvas))
    return canvas


def padded(s, x):
    """`x` with the padding of `s`; itself where there is none and a window's row is contiguous in it."""
    (ph, pw) = s.padding
    if (ph, pw) == (0, 0) and (s.kw == 1 or x.flags.c_contiguous):
        return x
    return place(x, ph, pw, (1, 1), s.h + 2 * ph, s.w + 2 * pw)


def geometry(s, x_pixel, y_pixel):
    """struct mg_conv of `s`, all padding already in the map."""
    h, w = s.h + 2 * s.padding[0], s.w + 2 * s.padding[1]
    return ffi.new(
        "struct mg_conv *", (s.n, h, w, s.cin, s.kh, s.kw, *s.stride, s.out_h, s.out_w, s.cout, x_pixel, y_pixel)
    )


