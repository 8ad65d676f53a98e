"""The call of a plan that convolves with CSR weights (csrc/sparse.c), made from dense weights with zeros."""

from typing import NamedTuple

import numpy as np

from minigoog._native import lib

from ...array_types import Array, IntArray
from ...checks import LARGEST
from ..shapes import ConvShape
from . import machine
from .arena import Map
from .conv_geometry import Epilogue
from .plan import Activation, Call, Packed, kind_of
from .pointers import Pointer, dense
from .sparse import AHEAD, sparse_geometry
from .weights import PACKED_AT_ONCE, Weights

SHARE = 4  # output channels that share their columns, for a kernel that loads pixels once for them
CSR, SHARED = "CSR", f"CSR of {SHARE} rows"


def supports(m: machine.Machine, s: ConvShape) -> bool:
    """Whether the kernel for CSR weights computes convolutions of this shape: no dilation, one padding for opposite sides."""
    top, left, bottom, right = s.padding
    if s.groups != 1 or s.dilation != (1, 1) or (top, left) != (bottom, right):
        return False
    return bool(lib.mg_sparse_panel(sparse_geometry(s, 1, s.cin, s.cout), m) <= LARGEST)


class Kept(NamedTuple):
    """How many weights of a convolution are not 0, and how many columns of SHARE neighbouring output channels have one of them."""

    weights: int
    shared: int


def kept(w: Weights, most: float) -> Kept | None:
    """What is kept of `w`; None once more than the share `most` of the first channels is: the others are not made then."""
    cout, found, seen = w.shape[-1], Kept(0, 0), 0
    for start in range(0, cout, PACKED_AT_ONCE):
        columns = _columns(w, start, SHARE)
        shared = columns.reshape(len(columns), -1, SHARE).any(axis=2)
        found, seen = Kept(found.weights + int(np.count_nonzero(columns)), found.shared + int(shared.sum())), seen + columns.size
        if found.weights > most * seen:
            return None
    return found


def _columns(w: Weights, start: int, share: int) -> Array:
    """PACKED_AT_ONCE output channels as [position of the window, channel], filled with zeros to a multiple of `share`."""
    part = w.of(slice(start, min(start + PACKED_AT_ONCE, w.shape[-1])))
    matrix = part.reshape(-1, part.shape[-1])
    return np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % share))) if matrix.shape[1] % share else matrix


def convolution(
    m: machine.Machine, s: ConvShape, x: Map, w: Weights, what: Kept, shared: bool, b: Array | None, y: Map,
    activation: Activation | None = None, residual: Map | None = None,
) -> Call:
    """The call that computes y = activation(convolution + b + residual) with the weights that are not zero; `what`: kept(w, .). shared:
    SHARE neighbouring output channels have the same columns, filled with zeros where they do not."""
    epilogue = Epilogue(*kind_of(activation), 0 if residual is None else residual.ld)
    share, entries = (SHARE, what.shared) if shared else (1, what.weights)
    g = sparse_geometry(s, share, x.ld, y.ld, epilogue)
    size = -(-s.cout // share) + 1 + entries * (1 + share) + AHEAD
    packed = Packed(size, lambda out: _pack(m, g, w, entries, out.view(np.int32)))
    work = s.n * s.out_h * s.out_w * what.weights
    return Call(lib.MG_SPARSE_CONV2D, x, y, {"sparse": g[0]}, packed, b, SHARED if shared else CSR, work, residual=residual)


def _pack(m: machine.Machine, g: Pointer, w: Weights, entries: int, out: IntArray) -> None:
    """starts [rows of blocks + 1], offsets and AHEAD more, values [entries, share]: as plan.c reads them."""
    share = g.block
    rows = -(-w.shape[-1] // share)
    starts, offsets, rest = np.split(out, [rows + 1, rows + 1 + entries + AHEAD])
    columns, values = np.empty(entries, np.int32), rest.view(np.float32).reshape(entries, share)
    starts[0] = end = 0
    for first in range(0, w.shape[-1], PACKED_AT_ONCE):
        part = _columns(w, first, share).T
        blocks = part.reshape(len(part) // share, share, -1)
        row, column = np.nonzero(blocks.any(axis=1))
        start, end = end, end + len(row)
        columns[start:end], values[start:end] = column, blocks[row, :, column]
        starts[first // share + 1 :][: len(blocks)] = start + np.searchsorted(row, np.arange(1, len(blocks) + 1))
    pointers = (dense("compile", "offsets", a, "int32_t[]") for a in (columns, offsets))
    lib.mg_sparse_offsets(g, entries, *pointers, m)
