"""Kernel calls that are prepared once and run many times: each is a C function and its arguments, all pointers fixed."""

from collections.abc import Callable
from typing import NamedTuple

from minigoog._native import lib

from ..shapes import conv_shape, pool_shape
from . import conv_algorithms, conv_direct, conv_winograd
from .conv_geometry import geometry, needs_padding, padded_size
from .pointers import NULL, dense, pixels
from .pool import pool_geometry

WHERE = "compile"


class Call(NamedTuple):
    """One prepared call; `keep` holds what its pointers point to and no arena owns (packed weights, structs)."""

    function: Callable
    arguments: tuple
    keep: tuple
    algorithm: str


def conv(x, w, b, relu, y, arena, stride=1, padding=0):
    """The calls that convolve `x` with `w` into `y`, ungrouped: padding where needed, then `direct` or `winograd`."""
    s = conv_shape(WHERE, x.shape, w.shape, stride, padding, 1)
    if conv_algorithms.winograd_pays("conv2d", s):
        return _winograd(s, x, w, b, relu, y, arena)
    calls = []
    if needs_padding(s, x):
        canvas = arena.empty((s.n, *padded_size(s), s.cin))
        calls.append(_place(s, x, canvas))
        x = canvas
    x_pointer, x_pixel = pixels(WHERE, "x", x)
    y_pointer, y_pixel = pixels(WHERE, "y", y)
    panels = conv_direct.pack(s.kh * s.kw * s.cin, s.cout, w, b)
    g = geometry(s, x_pixel, y_pixel)
    arguments = (g, x_pointer, dense(WHERE, "panels", panels), int(relu), y_pointer)
    return [*calls, Call(lib.mg_conv2d_direct, arguments, (g, panels), "direct")]


def _winograd(s, x, w, b, relu, y, arena):
    y_pointer, y_pixel = pixels(WHERE, "y", y)
    size, g = conv_winograd.canvas_size(s), conv_winograd.geometry(s, y_pixel)
    canvas, scratch = arena.empty((s.n, *size, s.cin)), arena.empty((lib.mg_conv2d_winograd_scratch(g),))
    panels = conv_winograd.pack(s, w)
    bias = NULL if b is None else dense(WHERE, "b", b)
    arguments = (g, dense(WHERE, "x", canvas), dense(WHERE, "panels", panels), bias, int(relu), y_pointer, dense(WHERE, "scratch", scratch))
    return [_place(s, x, canvas), Call(lib.mg_conv2d_winograd, arguments, (g, panels, b), "winograd")]


def _place(s, x, canvas):
    pointer, x_pixel = pixels(WHERE, "x", x)
    arguments = (s.n, s.h, s.w, s.cin, pointer, x_pixel, *s.padding, 1, 1, *canvas.shape[1:3], dense(WHERE, "canvas", canvas))
    return Call(lib.mg_place, arguments, (), "pad")


def max_pool(x, y, window):
    """The call that writes the maximum of each window of `x` to `y`; `window`: the settings of max_pool2d."""
    g = _pool_geometry(x, y, window)
    return [Call(lib.mg_max_pool2d, (g, pixels(WHERE, "x", x)[0], pixels(WHERE, "y", y)[0], NULL), (g,), "")]


def avg_pool(x, y, window):
    """The call that writes the mean of each window of `x` to `y`."""
    g = _pool_geometry(x, y, window)
    return [Call(lib.mg_avg_pool2d, (g, pixels(WHERE, "x", x)[0], pixels(WHERE, "y", y)[0]), (g,), "")]


def _pool_geometry(x, y, window):
    return pool_geometry(pool_shape(WHERE, x.shape, **window), pixels(WHERE, "x", x)[1], pixels(WHERE, "y", y)[1])


def python(function, *arguments):
    """A call of a Python function, for what has no C function of its own."""
    return Call(function, arguments, (), "NumPy")
