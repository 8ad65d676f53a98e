"""`im2col`, the classic algorithm: the window under each output pixel becomes a row of a matrix (csrc/im2col.c), and BLAS, through
NumPy, multiplies it by the weights. Read this one first. (Chellapilla et al. 2006)

NumPy's BLAS has its own threads; the bits of the result may depend on their number."""

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ..shapes import ConvShape
from . import machine, workspace
from .conv_geometry import Algorithm, geometry, padded, padded_size
from .pointers import dense, pixels, rows


def columns_of(s: ConvShape, x: Array) -> Array:
    """The windows of `x` as rows: [n * out_h * out_w, kh * kw * cin]; `x` itself where a window is one pixel."""
    x = padded(s, x)
    if (s.kh, s.kw, *s.stride) == (1, 1, 1, 1):
        return rows("conv2d", "x", x)
    pointer, ldx = pixels("conv2d", "x", x)
    columns = workspace.empty((s.n * s.out_h * s.out_w, s.kh * s.kw * s.cin))
    lib.mg_im2col(geometry(s, ldx, s.cout), pointer, ffi.from_buffer("float[]", columns), machine.current())
    return columns


def forward(s: ConvShape, x: Array, w: Array, b: Array | None, relu: bool, y: Array) -> None:
    y = rows("conv2d", "out", y)
    np.matmul(columns_of(s, x), w.reshape(-1, s.cout), out=y)
    if b is not None:
        y += b
    if relu:
        np.maximum(y, 0, out=y)


def input(s: ConvShape, w: Array, dy: Array, dx: Array, accumulate: bool = False) -> None:
    columns = workspace.empty((s.n * s.out_h * s.out_w, s.kh * s.kw * s.cin))
    np.matmul(rows("conv2d_input", "dy", dy), w.reshape(-1, s.cout).T, out=columns)
    top, left = s.padding[:2]
    canvas = workspace.empty((s.n, *padded_size(s), s.cin))
    pointers = dense("conv2d_input", "columns", columns), dense("conv2d_input", "dx", canvas)
    lib.mg_col2im(geometry(s, s.cin, s.cout), *pointers, machine.current())
    inner = canvas[:, top : top + s.h, left : left + s.w]
    np.add(dx, inner, out=dx) if accumulate else np.copyto(dx, inner)


def weight(s: ConvShape, x: Array, dy: Array, dw: Array) -> None:
    np.matmul(columns_of(s, x).T, rows("conv2d_weight", "dy", dy), out=dw.reshape(-1, s.cout))


ALGORITHM = Algorithm("im2col", forward, input, weight, supports=lambda s: True)
