"""3x3 convolution of bf16 by F(2x2, 3x3) (csrc/bf16_winograd.c). Its definition is kernels/reference/bf16_winograd.py."""

import numpy as np

from minigoog._native import lib

from ...array_types import Array, Padding
from ...checks import check_out
from ..reference.bf16 import INFINITE, Halves
from ..reference.bf16_winograd import check_bf16_winograd, winograd_weights
from ..reference.int8 import Limits
from ..shapes import ConvShape
from . import machine, workspace
from .bf16 import halves, padded
from .int8 import settings
from .pointers import NULL, dense


def bf16_conv2d_winograd(
    x: Halves, w: Array, b: Array | None = None, *, padding: Padding = 0, limits: Limits = INFINITE, out: Halves | None = None
) -> Halves:
    """`x` in bf16 convolved with the float32 weights `w` of 3x3 windows, within `limits`."""
    where, m = "bf16_conv2d_winograd", machine.current()
    s = check_bf16_winograd(x, w, b, padding, limits)
    y = workspace.empty(s.y, np.uint16) if out is None else check_out(where, out, s.y, np.dtype(np.uint16), x=x, w=w, b=b)
    x = padded(where, s, x)
    (x_pointer, ldx), (y_pointer, ldy) = (halves(where, *named) for named in (("x", x), ("out", y)))
    conv = settings(s, ldx, ldy, limits)
    scratch = workspace.empty((lib.mg_bf16_winograd_scratch(conv, m),))
    panels = dense(where, "panels", pack(m, s, winograd_weights(w)), "int32_t[]")
    bias = NULL if b is None else dense(where, "b", b)
    lib.mg_bf16_conv2d_winograd(conv, x_pointer, panels, bias, y_pointer, dense(where, "scratch", scratch), m)
    return y


def pack(m: machine.Machine, s: ConvShape, u: Halves, out: Array | None = None) -> Array:
    """The panels of the transformed weights `u`, as int32."""
    size = lib.mg_bf16_winograd_size(s.cin, s.cout, m)
    panels: Array = workspace.empty((size,), np.int32) if out is None else out.view(np.int32)
    where, u = "bf16_conv2d_winograd", np.ascontiguousarray(u)
    lib.mg_bf16_winograd_pack(s.cin, s.cout, dense(where, "w", u, "uint16_t[]"), dense(where, "panels", panels, "int32_t[]"), m)
    return panels
