"""A simulated first-level cache: how many accesses of each kernel's inner loop miss it, per useful multiply-add.

Simulated are the addresses that the inner loops of csrc/ access with AVX-512, in order: weights and column offsets, the map (or, for
CSR, the panel into which it was transposed), sums and outputs. Not simulated are packing of panels and weights, hardware prefetching
and other memory. The cache evicts the least recently used line, and counting starts when it is warm."""

from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import TypeAlias

import numpy as np

from ...array_types import IntArray
from ...kernels.sparse_pattern import SparsePattern

Access: TypeAlias = tuple[IntArray, int]  # float addresses in their order, and the multiply-adds for which they are loaded

LINE = 16  # floats in a cache line of 64 bytes
SIZE, WAYS = 32 << 10, 8  # bytes; as in cores of Zen 4
LANES, HEIGHT, TASK, CHANNELS = 16, 14, 112, 16  # conv_direct.c, sparse.c: pixels in a tile, in a task; channels transposed together
PANEL, BLOCK_AT_MOST, TILE, VECTORS = 3 << 15, 512, 128, 6  # sparse_panel.c, sparse.c: floats of a panel, positions; vectors in a tile
NEAR, IN_PART, ALIGNED = 1 << 14, 8, 8  # of the parts of the channels: floats, least entries of a row; positions that rows begin at
ACCESSES = 400_000  # simulated of each kernel; the first quarter warms the cache up
APART = 1 << 28  # floats between the starts of two arrays, so that no two share a line


class Cache:
    """A set-associative cache of lines of 64 bytes that evicts the least recently used line."""

    def __init__(self, size: int, ways: int):
        self.ways = ways
        self.sets: list[list[int]] = [[] for _ in range(size // (4 * LINE * ways))]

    def missed(self, lines: Iterable[int]) -> list[int]:
        """The misses among `lines` (numbers of cache lines, in the order of access)."""
        out, n = [], len(self.sets)
        for line in lines:
            held = self.sets[line % n]
            if line in held:
                held.remove(line)
            else:
                out.append(line)
                if len(held) == self.ways:
                    del held[0]
            held.append(line)
        return out


def misses(stream: Iterable[Access], accesses: int = ACCESSES) -> dict[str, float]:
    """{"accesses", "misses"} for 1,000 multiply-adds of a stream of (float addresses, multiply-adds), restarted where it is short: a
    network runs more than once."""
    cache, seen = Cache(SIZE, WAYS), 0
    total = np.zeros(3)
    for addresses, multiply_adds in cycle(stream):
        missed = cache.missed((addresses // LINE).tolist())
        if seen >= accesses // 4:
            total += len(addresses), len(missed), multiply_adds
        seen += len(addresses)
        if seen >= accesses and total[2]:
            break
    return {"accesses": 1000 * total[0] / total[2], "misses": 1000 * total[1] / total[2]}


def window_starts(h: int, w: int, cin: int, k: int) -> tuple[IntArray, int]:
    """(where the window under each pixel begins in the padded map [h + k - 1, w + k - 1, cin], floats in a row of that map)."""
    row = (w + k - 1) * cin
    return (np.arange(h)[:, None] * row + np.arange(w) * cin).reshape(-1), row


def offsets_of(columns: IntArray, k: int, cin: int, row: int) -> IntArray:
    """Where in the padded map the columns (ky * k + kx) * cin + c of a window lie, from its beginning."""
    ky, at = np.divmod(columns, k * cin)
    return ky * row + at


def tiles(h: int, w: int, pattern: SparsePattern) -> Iterator[Access]:
    """The stream of the tile of conv_direct.c and sparse_block.c: 14 pixels x 32 channels. A pattern of blocks of 32 with all weights is
    dense."""
    k, _, cin, cout = pattern.shape
    starts, row = window_starts(h, w, cin, k)
    dense = len(pattern.col_indices) == pattern.columns * pattern.rows
    for task in range(0, len(starts), TASK):
        for block in range(pattern.rows):
            entries = slice(pattern.crow_indices[block], pattern.crow_indices[block + 1])
            at, number = offsets_of(pattern.col_indices[entries], k, cin, row), np.arange(entries.start, entries.stop)
            for first in range(task, min(task + TASK, len(starts)), HEIGHT):
                pixels = np.minimum(np.arange(first, first + HEIGHT), len(starts) - 1)
                weights = APART + number[:, None] * pattern.block + [0, LANES]
                lists = [] if dense else [2 * APART + number[:, None]]
                loads = np.hstack([*lists, weights, starts[pixels] + at[:, None]])
                stores = 3 * APART + pixels[:, None] * cout + block * pattern.block + [0, LANES]
                yield np.concatenate([loads.ravel(), stores.ravel()]), HEIGHT * pattern.block * len(at)


def csr(h: int, w: int, pattern: SparsePattern) -> Iterator[Access]:
    """The stream of the tiles of sparse.c: up to 6 vectors of pixels x one channel, of a map that lies transposed in a panel, with a line
    for each column of the window. All rows of weights go through a part of the channels before the next."""
    k, _, cin, cout = pattern.shape
    pitch = k // 2 + w if k == 1 else -(-(k // 2 + w) // ALIGNED) * ALIGNED
    halo = (k - 1) * pitch
    block = min(max((PANEL // (cin * k) - halo) // TILE, 1) * TILE, BLOCK_AT_MOST)
    stride = (-(-(block + halo + LANES + k - 1) // LANES) | 1) * LANES
    tap, channel = np.divmod(pattern.col_indices.astype(np.int64), cin)
    offsets = (channel * k + tap % k) * stride + tap // k * pitch
    starts, order = in_parts(pattern, channel, k * (VECTORS * LANES + halo))
    positions = (k // 2 + h) * pitch
    for first in range(0, positions, block):
        vectors = -(-min(block, positions - first) // LANES)
        tiles_of_block, at = -(-vectors // VECTORS), 0
        for i in range(tiles_of_block):
            width = (vectors + i) // tiles_of_block
            yield from _csr_tile(starts, offsets[order] + at, cout, width, first + at)
            at += width * LANES


def in_parts(pattern: SparsePattern, channel: IntArray, floats: int) -> tuple[IntArray, IntArray]:
    """(where each row of each part starts, the entries in that order); floats: of the panel that a tile reads of one channel."""
    cin, cout = pattern.shape[2:]
    parts = max(min(-(-cin // max(NEAR // floats, 1)), len(channel) // (IN_PART * cout)), 1)
    place = channel // -(-cin // parts) * cout + pattern.row_of
    order = np.argsort(place, kind="stable")
    return np.searchsorted(place[order], np.arange(parts * cout + 1)), order


def _csr_tile(starts: IntArray, offsets: IntArray, cout: int, width: int, pixel: int) -> Iterator[Access]:
    """All rows of weights for `width` vectors of pixels, the first of which is number `pixel`: CHANNELS together, or all if in parts."""
    parts, reach = (len(starts) - 1) // cout, np.arange(width) * LANES
    together = CHANNELS if parts == 1 else cout
    for top in range(0, cout, together):
        rows = range(top, min(top + together, cout))
        for row in (part * cout + row for part in range(parts) for row in rows):
            entries = np.arange(starts[row], starts[row + 1])
            loads = np.hstack([2 * APART + entries[:, None], APART + entries[:, None], offsets[entries][:, None] + reach])
            yield np.append(loads.ravel(), 4 * APART + (row % cout - top) * width * LANES + reach), len(entries) * width * LANES
        for first in rows[::CHANNELS]:
            sums = 4 * APART + np.arange((first - top) * width, (min(first + CHANNELS, cout) - top) * width) * LANES
            yield np.append(sums, 3 * APART + (pixel + np.arange(width * LANES)) * cout + first), 0


def textbook(h: int, w: int, pattern: SparsePattern) -> Iterator[Access]:
    """The stream of sparse_textbook.c: for each pixel and channel a sum, one weight, one offset and one number of the map at a time."""
    k, _, cin, cout = pattern.shape
    starts, row = window_starts(h, w, cin, k)
    at, number = offsets_of(pattern.col_indices, k, cin, row), np.arange(len(pattern.col_indices))
    for pixel, start in enumerate(starts):
        for top in range(0, cout, CHANNELS):
            entries = slice(*pattern.crow_indices[[top, min(top + CHANNELS, cout)]])
            loads = np.stack([2 * APART + number[entries], APART + number[entries], start + at[entries]], axis=1)
            yield np.append(loads.ravel(), 3 * APART + pixel * cout + np.arange(top, min(top + CHANNELS, cout))), loads.shape[0]


STREAMS = {"dense": tiles, "blocks": tiles, "CSR": csr, "textbook": textbook}
