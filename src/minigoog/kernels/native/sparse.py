"""Convolution with sparse weights, and its gradients (csrc/sparse*.c)."""

from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, IntArray, Pair, Shape
from ...checks import LARGEST, check_array, check_out, check_shape
from ..shapes import ConvShape
from ..sparse_pattern import SparsePattern, check_sparse_conv, check_values, sparse_shape
from . import machine, workspace
from .conv_geometry import NOTHING, RELU, Epilogue, geometry, padded_size, place
from .pointers import NULL, Pointer, check_float32, check_pixels, dense, pixels

AHEAD = 4  # offsets after the last one, of which the kernel prefetches


def sparse_conv2d(
    x: Array,
    values: Array,
    b: Array | None = None,
    *,
    pattern: SparsePattern,
    stride: Pair = 1,
    padding: Pair = 0,
    relu: bool = False,
    out: Array | None = None,
    algorithm: str = "auto",
) -> Array:
    """Convolution of `x` [n, h, w, cin] with the sparse weights `values` at `pattern`, plus `b` [cout], then max(0, .) if `relu`.

    Returns [n, out_h, out_w, cout], in `out` if given, which may be a slice of a wider map's channels.
    algorithm: "auto", or "textbook" for the scalar CSR kernel of textbooks, for comparison."""
    where = "sparse_conv2d"
    check_float32(where, "x", x)
    s = check_sparse_conv(where, x, values, b, pattern, stride, padding, relu, algorithm)
    check_pixels(where, "x", x)
    y = workspace.empty(s.y) if out is None else check_out(where, out, s.y, x.dtype, x=x, values=values, b=b)
    forward = _textbook if algorithm == "textbook" else _csr if pattern.block == 1 else _blocks
    forward(where, s, x, values, b, pattern, relu, y)
    return y


def sparse_conv2d_input(
    x_shape: Shape, values: Array, dy: Array, *, pattern: SparsePattern, stride: Pair = 1, padding: Pair = 0
) -> Array:
    """Gradient of a sparse convolution with respect to its input of shape `x_shape`, given `dy` [n, out_h, out_w, cout]."""
    where = "sparse_conv2d_input"
    check_float32(where, "values", values)
    check_values(where, values, pattern)
    s = sparse_shape(where, check_shape(where, "x_shape", x_shape, 4), pattern, stride, padding)
    check_array(where, "dy", dy, dtype=values.dtype, shape=s.y)
    check_pixels(where, "dy", dy)
    flipped, order = pattern.flipped
    pads = s.kh - 1 - s.padding[0], s.kw - 1 - s.padding[1]
    if s.stride != (1, 1) or min(pads) < 0:  # zeros between the pixels of dy, or dy must be cropped
        dy, pads = place(dy, *pads, s.stride, s.h + s.kh - 1, s.w + s.kw - 1, name="dy"), (0, 0)
    dx = workspace.empty(s.x)
    _csr(where, sparse_shape(where, dy.shape, flipped, 1, pads), dy, values.reshape(-1)[order], None, flipped, False, dx)
    return dx


def sparse_conv2d_weight(x: Array, pattern: SparsePattern, dy: Array, *, stride: Pair = 1, padding: Pair = 0) -> Array:
    """Gradient of a sparse convolution with respect to the values of its `pattern`, given `dy` [n, out_h, out_w, cout]."""
    where = "sparse_conv2d_weight"
    check_float32(where, "x", x)
    s = sparse_shape(where, x.shape, pattern, stride, padding)
    check_array(where, "dy", dy, dtype=x.dtype, shape=s.y)
    (x_pointer, ldx), (dy_pointer, lddy) = pixels(where, "x", x), pixels(where, "dy", dy)
    g, m = sparse_geometry(s, pattern.block, ldx, lddy), machine.current()
    starts_and_offsets = (dense(where, "offsets", a, "int32_t[]") for a in (pattern.crow_indices, _offsets(where, g, pattern, m)))
    scratch = workspace.empty((lib.mg_sparse_conv2d_weight_scratch(g, len(pattern.col_indices), m),))
    dvalues = workspace.empty(pattern.values_shape)
    lib.mg_sparse_conv2d_weight(
        g, x_pointer, *starts_and_offsets, dy_pointer, dense(where, "dvalues", dvalues), dense(where, "scratch", scratch), m
    )
    return dvalues


def _csr(where: str, s: ConvShape, x: Array, values: Array, b: Array | None, pattern: SparsePattern, relu: bool, y: Array) -> None:
    (x_pointer, ldx), (y_pointer, ldy) = pixels(where, "x", x), pixels(where, "out", y)
    g, m = sparse_geometry(s, pattern.block, ldx, ldy, RELU if relu else NOTHING), machine.current()
    starts, offsets, order = _in_parts(where, g, pattern, m)
    values = values if order is None else values.take(order)
    scratch = workspace.empty((lib.mg_sparse_conv2d_scratch(g, m),))
    bias = NULL if b is None else dense(where, "b", b)
    entries = *(dense(where, "offsets", a, "int32_t[]") for a in (starts, offsets)), dense(where, "values", values)
    lib.mg_sparse_conv2d(g, x_pointer, *entries, bias, NULL, y_pointer, dense(where, "scratch", scratch), m)


def sparse_geometry(s: ConvShape, block: int, ldx: int, ldy: int, epilogue: Epilogue = NOTHING) -> Pointer:
    """struct mg_sparse_conv of `s`."""
    sizes = (s.n, s.h, s.w, s.cin, s.kh, s.kw, *s.stride, *s.padding[:2], s.out_h, s.out_w, s.cout, ldx, ldy, block, 1, *epilogue)
    return ffi.new("struct mg_sparse_conv *", sizes)


def by_parts(g: Pointer, rows: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
    """(starts, order) of entries in these rows and columns, row after row, when all of a part of the channels come before the next part's:
    int32 [g.parts * g.cout + 1], and entry i of the new order is order[i]."""
    place = columns % g.cin // -(-g.cin // g.parts) * g.cout + rows
    order = np.argsort(place, kind="stable")
    return np.searchsorted(place[order], np.arange(g.parts * g.cout + 1)).astype(np.int32), order


def panel_offsets(m: machine.Machine, g: Pointer, columns: IntArray) -> IntArray:
    """The offsets of these columns into the panel of `g`, and AHEAD zeros."""
    found = np.zeros(columns.size + AHEAD, np.int32)
    lib.mg_sparse_offsets(g, columns.size, *(dense("sparse_conv2d", "columns", a, "int32_t[]") for a in (columns, found)), m)
    return found


def _in_parts(where: str, g: Pointer, pattern: SparsePattern, m: machine.Machine) -> tuple[IntArray, IntArray, IntArray | None]:
    """(starts, offsets, order) of the entries as the forward kernel wants them, one part of the channels after the other; sets g.parts. The
    order is None where that is one part."""
    g.parts = lib.mg_sparse_parts(g, len(pattern.col_indices), m)
    if g.parts == 1:
        return pattern.crow_indices, _offsets(where, g, pattern, m), None

    def entries() -> tuple[IntArray, IntArray, IntArray]:
        starts, order = by_parts(g, pattern.row_of, pattern.col_indices)
        return starts, panel_offsets(m, g, pattern.col_indices[order]), order

    _check_offsets(where, g, lib.mg_sparse_panel(g, m))
    found: tuple[IntArray, IntArray, IntArray] = pattern.remembered(("parts", *_panel_of(g, m)), entries)
    return found


def _offsets(where: str, g: Pointer, pattern: SparsePattern, m: machine.Machine) -> IntArray:
    """The columns, row after row, as offsets into the panel of `g`."""
    _check_offsets(where, g, lib.mg_sparse_panel(g, m))
    found: IntArray = pattern.remembered(("panel", *_panel_of(g, m)), lambda: panel_offsets(m, g, pattern.col_indices))
    return found


def _panel_of(g: Pointer, m: machine.Machine) -> tuple[int, ...]:
    """What the offsets of a pattern depend on."""
    return m.isa, g.h, g.w, g.stride_h, g.stride_w, g.pad_h, g.pad_w


def _check_offsets(where: str, s: Any, floats: int) -> None:
    """Raises if a window spans more floats than 32-bit offsets can address."""
    if floats > LARGEST:
        raise ValueError(f"{where}: rows of {s.w} pixels and {s.cin} channels are too long for a window of {s.kh}x{s.kw}")


def _blocks(where: str, s: ConvShape, x: Array, values: Array, b: Array | None, pattern: SparsePattern, relu: bool, y: Array) -> None:
    _over_windows(where, s, x, y, pattern, lib.mg_sparse_conv2d_block, (pattern.block,), values, b, relu)


def _textbook(where: str, s: ConvShape, x: Array, values: Array, b: Array | None, pattern: SparsePattern, relu: bool, y: Array) -> None:
    if pattern.block != 1:
        raise ValueError(f"{where}: `algorithm` is 'textbook', which is for CSR, but `pattern` has blocks of {pattern.block}")
    _over_windows(where, s, x, y, pattern, lib.mg_sparse_conv2d_textbook, (), values, b, relu)


def _over_windows(
    where: str, s: ConvShape, x: Array, y: Array, pattern: SparsePattern, function: Any, block: tuple[int, ...], values: Array,
    b: Array | None, relu: bool,
) -> None:
    """Calls a function that takes the columns as offsets into the windows of the padded map."""
    copied = any(s.padding) or (s.kw > 1 and not x.flags.c_contiguous)
    row = padded_size(s)[1] * (s.cin if copied else pixels(where, "x", x)[1])  # floats from one row of a window to the next
    _check_offsets(where, s, s.kh * row)

    def offsets() -> IntArray:
        ky, at = np.divmod(pattern.col_indices, s.kw * s.cin)
        return (ky * row + at).astype(np.int32)

    starts, found = (dense(where, "pattern", a, "int32_t[]") for a in (pattern.crow_indices, pattern.remembered(("window", row), offsets)))
    x = place(x, *s.padding[:2], (1, 1), *padded_size(s)) if copied else x
    (x_pointer, ldx), (y_pointer, ldy) = pixels(where, "x", x), pixels(where, "out", y)
    bias = NULL if b is None else dense(where, "b", b)
    residual = (NULL,) if block else ()
    pointers = x_pointer, starts, found, dense(where, "values", values), bias, *residual, y_pointer
    function(geometry(s, ldx, ldy, RELU if relu else NOTHING), *block, *pointers, machine.current())
