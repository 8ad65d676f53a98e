"""The calls of a plan that convolve with CSR weights or blocks (csrc/sparse.c, sparse_block.c), made from dense weights with zeros."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from minigoog._native import lib

from ...array_types import Array, IntArray
from ...checks import LARGEST
from ..shapes import ConvShape
from . import machine, plan
from .arena import Map
from .conv_geometry import Epilogue, padded_size
from .plan import Activation, Call, Packed, kind_of
from .pointers import Pointer
from .sparse import AHEAD, by_parts, panel_offsets, sparse_geometry
from .weights import PACKED_AT_ONCE, Weights

SHARE = 4  # output channels that share their columns, for a kernel that loads pixels once for them
BLOCKS = (16, 32)  # output channels of a row of blocks, which a tile like those of `direct` computes
ALGORITHMS = {1: "CSR", SHARE: f"CSR of {SHARE} rows"} | {block: f"blocks of {block}" for block in BLOCKS}
ALIGNED = 16  # 32-bit numbers: values begin at a multiple of them, as in plan.c

Kept: TypeAlias = Mapping[int, int]  # neighbouring output channels that share their columns -> how many columns of them are not all 0


def supports(m: machine.Machine, s: ConvShape) -> bool:
    """Whether the kernel for CSR weights computes convolutions of this shape: no dilation, one padding for opposite sides."""
    top, left, bottom, right = s.padding
    if s.groups != 1 or s.dilation != (1, 1) or (top, left) != (bottom, right):
        return False
    return bool(lib.mg_sparse_panel(sparse_geometry(s, 1, s.cin, s.cout), m) <= LARGEST)


def kept(w: Weights, most: float) -> Kept | None:
    """What is kept of `w`; None once more than the share `most` of the first channels is: the others are not made then."""
    found, seen, width = dict.fromkeys(ALGORITHMS, 0), 0, w.shape[-1]
    for start in range(0, width, PACKED_AT_ONCE):
        some = _columns(w, start, max(BLOCKS)) != 0
        seen += len(some) * (min(start + PACKED_AT_ONCE, width) - start)
        columns = some.shape[1]
        for share in ALGORITHMS:  # each is a multiple of the one before it
            some = some.reshape(len(some), columns // share, -1).any(axis=2)
            found[share] += int(np.count_nonzero(some))
        if found[1] > most * seen:
            return None
    return found


def _columns(w: Weights, start: int, share: int) -> Array:
    """PACKED_AT_ONCE output channels as [position of the window, channel], filled with zeros to a multiple of `share`."""
    part = w.of(slice(start, min(start + PACKED_AT_ONCE, w.shape[-1])))
    matrix = part.reshape(-1, part.shape[-1])
    return np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % share))) if matrix.shape[1] % share else matrix


def convolution(
    m: machine.Machine, s: ConvShape, x: Map, w: Weights, what: Kept, share: int, b: Array | None, y: Map,
    activation: Activation | None = None, residual: Map | None = None,
) -> list[Call]:
    """The calls that compute y = activation(convolution + b + residual) with the weights that are not zero; `what`: kept(w, .). `share`
    neighbouring output channels, of ALGORITHMS, have the same columns, filled with zeros where they do not."""
    calls: list[Call] = []
    name = ALGORITHMS[share]
    if share in BLOCKS and machine.isa_of(m) != "avx512":
        share = min(BLOCKS)  # what a tile computes then: half a row of weights, read with gaps, would fill half of the sets of a cache
    work = s.n * s.out_h * s.out_w * what[1]
    if share in BLOCKS and any(s.padding):  # its windows are read in place
        height, width = padded_size(s)
        calls, x = plan.padded(x, s.padding, (height, width))
        s = s._replace(h=height, w=width, padding=(0, 0, 0, 0))
    epilogue = Epilogue(*kind_of(activation), 0 if residual is None else residual.ld)
    g = sparse_geometry(s, share, x.ld, y.ld, epilogue)
    g.parts = lib.mg_sparse_parts(g, what[share], m)
    size = values_at(g, what[share]) + what[share] * share
    packed = Packed(size, lambda out: _pack(m, g, w, what[share], out.view(np.int32)))
    return [*calls, Call(lib.MG_SPARSE_CONV2D, x, y, {"sparse": g[0]}, packed, b, name, work, residual=residual)]


def rows_of(g: Pointer) -> int:
    """Rows of blocks, of all parts."""
    return int(g.parts) * -(-int(g.cout) // int(g.block))


def values_at(g: Pointer, entries: int) -> int:
    """Where the values of packed weights begin, after starts [rows + 1], offsets and AHEAD more."""
    rows = rows_of(g)
    return -(-(rows + 1 + entries + AHEAD) // ALIGNED) * ALIGNED


def offsets_of(m: machine.Machine, g: Pointer, columns: IntArray) -> IntArray:
    """The offsets of these columns, and AHEAD zeros."""
    if g.block not in BLOCKS:
        return panel_offsets(m, g, columns)
    found = np.zeros(columns.size + AHEAD, np.int32)
    ky, rest = np.divmod(columns, g.kw * g.cin)
    kx, channel = np.divmod(rest, g.cin)
    found[: columns.size] = (ky * g.w + kx) * g.ldx + channel
    return found


def _pack(m: machine.Machine, g: Pointer, w: Weights, entries: int, out: IntArray) -> None:
    """starts, offsets, values [entries, share]: as plan.c reads them."""
    share = g.block
    rows, first_value = rows_of(g), values_at(g, entries)
    starts, offsets = out[: rows + 1], out[rows + 1 : first_value]
    columns, values = np.empty(entries, np.int32), out[first_value:].view(np.float32).reshape(entries, share)
    row_of, end = np.empty(entries, np.int32), 0
    for first in range(0, w.shape[-1], PACKED_AT_ONCE):
        part = _columns(w, first, share).T
        blocks = part.reshape(len(part) // share, share, -1)
        row, column = np.nonzero(blocks.any(axis=1))
        start, end = end, end + len(row)
        columns[start:end], values[start:end], row_of[start:end] = column, blocks[row, :, column], first // share + row
    if g.parts == 1:
        starts[...] = np.searchsorted(row_of, np.arange(rows + 1))
    else:
        starts[...], order = by_parts(g, row_of, columns)
        columns, values[...] = columns[order], values[order]
    offsets[...] = 0
    offsets[: entries + AHEAD] = offsets_of(m, g, columns)
