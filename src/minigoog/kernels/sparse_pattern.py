"""Where the weights of a sparse convolution are: CSR, or blocks of rows that share their columns."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..array_types import Array, BoolArray, IntArray, Pair, Shape
from ..checks import LARGEST, check_array, check_bool, check_choice, check_int, check_shape, pair
from .shapes import SPARSE_ALGORITHMS, ConvShape, conv_shape

BLOCK = 16  # the rows of a block are a multiple of this: whole vectors on every instruction set
REMEMBERED = 8  # for so many shapes of maps a pattern caches what kernels compute from it


class SparsePattern:
    """Which weights of a convolution are kept: a matrix with a row for each of cout channels and a column for each position of the
    window, (ky * kw + kx) * cin + c, compressed row by row. It is immutable; the values are separate, so that they can be trained.

    shape: (kh, kw, cin, cout). block: 1 (CSR), or a multiple of 16 (block-sparse: so many neighbouring rows share their columns).
    crow_indices int32 [block rows + 1], col_indices int32 [entries], increasing within a row: named as in PyTorch.
    Values: float [entries], or [entries, block]; if cout is not a multiple of the block, the missing rows of the last block are 0."""

    def __init__(self, shape: Shape, crow_indices: IntArray, col_indices: IntArray, block: int = 1):
        where = "SparsePattern"
        self.shape = tuple(check_int(where, "shape", n, 1) for n in check_shape(where, "shape", shape, 4))
        self.block = check_block(where, block)
        if self.columns > LARGEST:
            raise ValueError(f"{where}: `shape` is {self.shape}, expected at most {LARGEST} positions of the window")
        self.crow_indices = _frozen(check_array(where, "crow_indices", crow_indices, dtype=np.int32, shape=(self.rows + 1,)))
        self.col_indices = _frozen(check_array(where, "col_indices", col_indices, ndim=1, dtype=np.int32))
        self._check_rows(where)
        self._memo: dict[Any, Any] = {}
        self._row_of: IntArray | None = None  # not cached_property, whose lock would stay locked in the child of a fork
        self._flipped: tuple[SparsePattern, IntArray] | None = None

    def _check_rows(self, where: str) -> None:
        starts, columns = self.crow_indices, self.col_indices
        if starts[0] != 0 or starts[-1] != len(columns) or np.any(np.diff(starts) < 0):
            raise ValueError(f"{where}: `crow_indices` must rise from 0 to {len(columns)}, the number of col_indices")
        if len(columns) and not (columns.min() >= 0 and columns.max() < self.columns):
            raise ValueError(f"{where}: `col_indices` go from {columns.min()} to {columns.max()}, expected 0 to {self.columns - 1}")
        rises = np.diff(columns) > 0
        rises[starts[(starts > 0) & (starts < len(columns))] - 1] = True  # the column may decrease from one row to the next
        if not rises.all():
            raise ValueError(f"{where}: `col_indices` must increase within each row")

    @classmethod
    def from_mask(cls, mask: BoolArray, block: int = 1) -> "SparsePattern":
        """The pattern of the weights where `mask` [kh, kw, cin, cout] is True; a block is kept if any of its weights is."""
        check_array("SparsePattern.from_mask", "mask", mask, ndim=4, dtype=np.bool_)
        rows, columns = np.nonzero(blocks_of(mask, block).any(axis=2).T)
        starts = np.searchsorted(rows, np.arange(-(-mask.shape[3] // block) + 1))
        return cls(mask.shape, starts.astype(np.int32), columns.astype(np.int32), block)

    @property
    def rows(self) -> int:
        """Rows, or rows of blocks."""
        return -(-self.shape[3] // self.block)

    @property
    def columns(self) -> int:
        """Columns of the matrix: positions of the window, for all input channels."""
        return math.prod(self.shape[:3])

    @property
    def values_shape(self) -> Shape:
        """The shape of the values."""
        return (len(self.col_indices),) if self.block == 1 else (len(self.col_indices), self.block)

    @property
    def n_weights(self) -> int:
        """Number of weights that are kept: all weights of a block count, except those of missing rows."""
        widths = np.minimum(self.block, self.shape[3] - self.block * np.arange(self.rows))
        return int(np.diff(self.crow_indices) @ widths)

    @property
    def density(self) -> float:
        """The share of all weights that is kept."""
        return self.n_weights / (self.columns * self.shape[3])

    @property
    def row_of(self) -> IntArray:
        """The row (of blocks) of each entry."""
        if self._row_of is None:
            self._row_of = np.repeat(np.arange(self.rows), np.diff(self.crow_indices))
        return self._row_of

    def gather(self, w: Array) -> Array:
        """The values of this pattern in the dense weights `w` [kh, kw, cin, cout]."""
        if np.shape(w) != self.shape:
            raise ValueError(f"SparsePattern.gather: `w` has shape {np.shape(w)}, expected {self.shape}")
        return np.ascontiguousarray(blocks_of(w, self.block)[self.col_indices, self.row_of]).reshape(self.values_shape)

    def scatter(self, values: Array) -> Array:
        """The dense weights [kh, kw, cin, cout] with `values` at this pattern and 0 elsewhere."""
        check_values("SparsePattern.scatter", values, self)
        w = np.zeros((self.columns, self.rows, self.block), values.dtype)
        w[self.col_indices, self.row_of] = values.reshape(-1, self.block)
        return np.ascontiguousarray(w.reshape(self.columns, -1)[:, : self.shape[3]]).reshape(self.shape)

    @property
    def flipped(self) -> tuple["SparsePattern", IntArray]:
        """(pattern, order): the CSR pattern of the convolution of dy that gives dx, whose values are values.reshape(-1)[order]."""
        if self._flipped is None:
            self._flipped = self._flip()
        return self._flipped

    def _flip(self) -> tuple["SparsePattern", IntArray]:
        kh, kw, cin, cout = self.shape
        channel = (self.row_of[:, None] * self.block + np.arange(self.block)).reshape(-1)
        tap, row = np.divmod(np.repeat(self.col_indices.astype(np.int64), self.block), cin)
        column = (kh * kw - 1 - tap) * cout + channel
        order = np.lexsort((column, row))
        order = order[channel[order] < cout]
        starts = np.searchsorted(row[order], np.arange(cin + 1))
        return SparsePattern((kh, kw, cout, cin), starts.astype(np.int32), column[order].astype(np.int32)), order

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """make(), computed once per `key`: for kernels, which need the columns as offsets into their own memory."""
        found = self._memo.get(key)
        if found is None:
            found = make()
            if len(self._memo) >= REMEMBERED:
                self._memo.clear()
            self._memo[key] = found
        return found  # not self._memo[key], which another thread may have cleared

    def __repr__(self) -> str:
        kind = "CSR" if self.block == 1 else f"blocks of {self.block}"
        return f"SparsePattern({'x'.join(map(str, self.shape))}, {kind}, {self.n_weights} weights, density {self.density:.3g})"


def _frozen(a: IntArray) -> IntArray:
    a = np.array(a)
    a.flags.writeable = False
    return a


def blocks_of(w: Any, block: int) -> Any:
    """`w` [kh, kw, cin, cout] as [columns, block rows, block], missing rows filled with 0."""
    check_block("blocks_of", block)
    matrix = w.reshape(-1, w.shape[3])
    return np.pad(matrix, ((0, 0), (0, -w.shape[3] % block))).reshape(len(matrix), -1, block)


def check_block(where: str, block: int) -> int:
    """Returns `block` if it is a number of rows that may share their columns."""
    if check_int(where, "block", block, 1) != 1 and block % BLOCK:
        raise ValueError(f"{where}: `block` is {block}, expected 1 or a multiple of {BLOCK}")
    return block


def check_pattern(where: str, pattern: Any) -> SparsePattern:
    """Returns `pattern` if it is a SparsePattern."""
    if not isinstance(pattern, SparsePattern):
        raise TypeError(f"{where}: `pattern` is {type(pattern).__name__}, expected a SparsePattern")
    return pattern


def check_values(where: str, values: Any, pattern: SparsePattern, dtype: DTypeLike | None = None) -> None:
    """Checks the values of `pattern`."""
    check_array(where, "values", values, dtype=dtype, shape=check_pattern(where, pattern).values_shape)


def sparse_shape(where: str, x_shape: Shape, pattern: SparsePattern, stride: Pair, padding: Pair) -> ConvShape:
    """The ConvShape of a convolution of a map of shape `x_shape` with weights at `pattern`; raises if there is none."""
    cin = check_pattern(where, pattern).shape[2]
    if len(x_shape) == 4 and x_shape[3] != cin:
        raise ValueError(f"{where}: `pattern` takes {cin} channels but `x` has {x_shape[3]} (x NHWC {x_shape}, pattern {pattern.shape})")
    return conv_shape(where, x_shape, pattern.shape, stride, pair(where, "padding", padding, 0), 1)


def check_sparse_conv(
    where: str, x: Array, values: Array, b: Array | None, pattern: SparsePattern, stride: Pair, padding: Pair, relu: bool, algorithm: str
) -> ConvShape:
    """The ConvShape of a sparse convolution of these arrays, which are checked against each other."""
    check_array(where, "x", x)
    check_values(where, values, pattern, x.dtype)
    check_bool(where, "relu", relu)
    check_choice(where, "algorithm", algorithm, SPARSE_ALGORITHMS)
    if b is not None:
        check_array(where, "b", b, dtype=x.dtype, shape=pattern.shape[3:])
    return sparse_shape(where, x.shape, pattern, stride, padding)
