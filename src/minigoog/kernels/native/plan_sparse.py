"""The call of a plan that convolves with CSR weights (csrc/sparse.c), made from dense weights with zeros."""

import numpy as np

from minigoog._native import lib

from ...array_types import Array, IntArray
from ...checks import LARGEST
from ..shapes import ConvShape
from . import machine, plan
from .arena import Map
from .conv_geometry import Epilogue
from .plan import Activation, Call, Packed
from .pointers import Pointer, dense
from .sparse import AHEAD, sparse_geometry
from .weights import PACKED_AT_ONCE, Weights


def supports(m: machine.Machine, s: ConvShape) -> bool:
    """Whether the kernel for CSR weights computes convolutions of this shape: no dilation, one padding for opposite sides."""
    top, left, bottom, right = s.padding
    if s.groups != 1 or s.dilation != (1, 1) or (top, left) != (bottom, right):
        return False
    return bool(lib.mg_sparse_panel(sparse_geometry(s, 1, s.cin, s.cout), m) <= LARGEST)


def count(w: Weights, most: float = 1.0) -> int:
    """How many weights are not zero; once their share of the first channels exceeds `most`, all of them, without a look at the others."""
    cout, found, seen = w.shape[-1], 0, 0
    for start in range(0, cout, PACKED_AT_ONCE):
        part = w.of(slice(start, min(start + PACKED_AT_ONCE, cout)))
        found, seen = found + int(np.count_nonzero(part)), seen + part.size
        if found > most * seen:
            return int(np.prod(w.shape))
    return found


def convolution(
    m: machine.Machine, s: ConvShape, x: Map, w: Weights, nonzero: int, b: Array | None, y: Map, activation: Activation | None = None,
    residual: Map | None = None,
) -> Call:
    """The call that computes y = activation(convolution + b + residual) with the `nonzero` weights of `w` that are not zero."""
    epilogue = Epilogue(*plan._kind(activation), 0 if residual is None else residual.ld)
    g = sparse_geometry(s, 1, x.ld, y.ld, epilogue)
    size = s.cout + 1 + 2 * nonzero + AHEAD
    packed = Packed(size, lambda out: _pack(m, g, w, nonzero, out.view(np.int32)))
    work = s.n * s.out_h * s.out_w * nonzero
    return Call(lib.MG_SPARSE_CONV2D, x, y, {"sparse": g[0]}, packed, b, "CSR", work, residual=residual)


def _pack(m: machine.Machine, g: Pointer, w: Weights, nonzero: int, out: IntArray) -> None:
    """starts [cout + 1], offsets and AHEAD more, values: as plan.c reads them."""
    cout = w.shape[-1]
    starts, offsets, values = np.split(out, [cout + 1, cout + 1 + nonzero + AHEAD])
    columns = np.empty(nonzero, np.int32)
    starts[0] = end = 0
    for first in range(0, cout, PACKED_AT_ONCE):
        part = w.of(slice(first, min(first + PACKED_AT_ONCE, cout)))
        rows = np.ascontiguousarray(part.reshape(-1, part.shape[-1]).T)
        row, column = np.nonzero(rows)
        start, end = end, end + len(row)
        columns[start:end], values[start:end] = column, rows[row, column].view(np.int32)
        starts[first + 1 : first + 1 + len(rows)] = start + np.searchsorted(row, np.arange(1, len(rows) + 1))
    pointers = (dense("compile", "offsets", a, "int32_t[]") for a in (columns, offsets))
    lib.mg_sparse_offsets(g, nonzero, *pointers, m)
