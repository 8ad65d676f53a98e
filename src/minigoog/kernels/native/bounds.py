"""Which memory the calls of a plan touch: what a plan from a file has to pass before C runs it.

Each function below says how many floats a kernel reads and writes with some settings, and refuses settings that it is not made for
(its assertions in csrc/). Sizes are integers of Python: no product of them overflows."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from .arena import ARENA, CONSTANTS, INPUT, NOWHERE, OUTPUT, PRIVATE
from .bounds_narrow import extents_of_narrow
from .conv_winograd import FOLDED, spare_rows
from .described import KERNELS, OPERANDS, SETTINGS, numbers_of
from .machine import Machine
from .plan_sparse import ALGORITHMS, BLOCKS, offsets_of, rows_of, values_at
from .pointers import Pointer
from .sparse import AHEAD
from .strips import LONGEST, by_rows

LARGEST = 1 << 31  # of a setting, and of a window's pixels
MOST = 1 << 36  # floats of anything
WINOGRAD = ((4, 3, 3, 1, 1), (2, 3, 3, 1, 1), (2, 5, 5, 1, 1), (3, FOLDED, FOLDED, 2, 2))  # side, window, stride
SIGNED = ("top", "left")
NOT_COUNTS = ("alpha", "beta", "factor")


class Extents(NamedTuple):
    """Floats of each operand; None: it is not used."""

    x: int
    y: int
    w: int | None = None
    b: int | None = None
    residual: int | None = None
    optional: tuple[str, ...] = ("b", "residual")  # operands that may be absent


def need(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def positive(s: Pointer, *fields: str) -> None:
    for field in fields:
        need(getattr(s, field) > 0, f"{field} is 0")


def a_map(pixels: int, c: int, ld: int) -> int:
    """Floats of so many pixels of `c` channels."""
    need(ld >= c, f"pixels {ld} floats apart, expected at least {c}")
    floats = (pixels - 1) * ld + c if pixels else 0
    need(floats < MOST, f"a map of {floats} floats")
    return floats


def _conv(s: Pointer, m: Machine) -> Extents:
    positive(s, "kh", "kw", "stride_h", "stride_w", "dilation_h", "dilation_w", "cin", "cout")
    groups = max(s.groups, 1)
    for size, out, k, stride, dilation in (
        (s.h, s.out_h, s.kh, s.stride_h, s.dilation_h), (s.w, s.out_w, s.kw, s.stride_w, s.dilation_w),
    ):
        need(size > (k - 1) * dilation and out == (size - (k - 1) * dilation - 1) // stride + 1, f"{out} windows of {k} in {size} pixels")
    terms = s.kh * s.kw * s.cin
    need(groups * terms * s.cout < MOST, f"{groups * terms * s.cout} weights")
    x = a_map(s.n * s.h * s.w, groups * s.cin, s.ldx)
    pixels, c = s.n * s.out_h * s.out_w, groups * s.cout
    weights = groups * int(lib.mg_panels_size(terms, s.cout, m))
    return Extents(x, a_map(pixels, c, s.ldy), weights, residual=a_map(pixels, c, s.ldr) if s.ldr else None)


def _winograd(s: Pointer, m: Machine) -> Extents:
    positive(s, "cin", "cout", "out_h", "out_w")
    need((s.side, s.kh, s.kw, s.stride_h, s.stride_w) in WINOGRAD, "a window that winograd has not")
    need(s.kh != FOLDED or s.ldx == s.cin, f"pixels {s.ldx} floats apart, expected {s.cin}")
    need(s.top == s.left == 0, "padding beside that of its map")
    for size, out in ((s.h - spare_rows(s.kh), s.out_h), (s.w, s.out_w)):
        need(size >= -(-out // s.side) * s.side * s.stride_h + s.kh - 1, f"{out} outputs from {size} pixels")
    need(s.cin * s.cout * 36 * 4 < MOST, f"{s.cin} x {s.cout} weights")
    pixels = s.n * s.out_h * s.out_w
    weights = int(lib.mg_winograd_panels_size(s.side, s.kh, s.cin, s.cout, m))
    residual = a_map(pixels, s.cout, s.ldr) if s.ldr else None
    return Extents(a_map(s.n * s.h * s.w, s.cin, s.ldx), a_map(pixels, s.cout, s.ldy), weights, s.cout, residual)


def _depthwise(s: Pointer, m: Machine) -> Extents:
    positive(s, "h", "w", "kh", "kw", "stride_h", "stride_w", "dilation_h", "dilation_w", "c")
    need(s.kh * s.kw <= 4096, f"{s.kh * s.kw} weights of a channel")
    pixels = s.n * s.out_h * s.out_w
    residual = a_map(pixels, s.c, s.ldr) if s.ldr else None
    return Extents(a_map(s.n * s.h * s.w, s.c, s.ldx), a_map(pixels, s.c, s.ldy), s.kh * s.kw * s.c, s.c, residual)


def _place(s: Pointer, m: Machine) -> Extents:
    positive(s, "c", "step_h", "step_w")
    return Extents(a_map(s.n * s.h * s.w, s.c, s.ldx), a_map(s.n * s.out_h * s.out_w, s.c, s.c))


def _pool(s: Pointer, m: Machine) -> Extents:
    positive(s, "h", "w", "kh", "kw", "stride_h", "stride_w", "dilation_h", "dilation_w", "c")
    need(s.h * s.w < LARGEST and s.kh * s.kw < LARGEST, "more pixels than it has numbers for")
    for size, out, k, stride, pads in (
        (s.h, s.out_h, s.kh, s.stride_h, (s.pad_top, s.pad_bottom)), (s.w, s.out_w, s.kw, s.stride_w, (s.pad_left, s.pad_right)),
    ):
        need(max(pads) < k and (out == 0 or (out - 1) * stride < size + pads[0]), f"{out} windows of {k} on {size} pixels")
    return Extents(a_map(s.n * s.h * s.w, s.c, s.ldx), a_map(s.n * s.out_h * s.out_w, s.c, s.ldy))


def _elementwise(s: Pointer, m: Machine) -> Extents:
    positive(s, "c")
    return Extents(a_map(s.rows, s.c, s.lda), a_map(s.rows, s.c, s.ldy))


def _add(s: Pointer, m: Machine) -> Extents:
    return _elementwise(s, m)._replace(b=a_map(s.rows, s.c, s.ldb), optional=())


def _shuffle(s: Pointer, m: Machine) -> Extents:
    need(s.ldb > 0 and s.c % s.ldb == 0, f"{s.ldb} groups of {s.c} channels")
    return _elementwise(s, m)


def _lrn(s: Pointer, m: Machine) -> Extents:
    need(s.ldb % 2 == 1 and s.ldb <= lib.MG_LRN_WIDEST, f"a window of {s.ldb} channels")
    return _elementwise(s, m)


def _softmax(s: Pointer, m: Machine) -> Extents:
    positive(s, "c")
    return Extents(a_map(s.rows, s.c, s.c), a_map(s.rows, s.c, s.c))


def _affine(s: Pointer, m: Machine) -> Extents:
    positive(s, "c")
    pixels = s.n * s.rows
    scales = a_map(max(s.n, 1), s.c, s.lds) if s.lds else s.c
    return Extents(a_map(pixels, s.c, s.ldx), a_map(pixels, s.c, s.ldy), scales, s.c)


def _sparse(s: Pointer, m: Machine) -> Extents:
    positive(s, "h", "w", "kh", "kw", "stride_h", "stride_w", "cin", "cout")
    need(s.block in ALGORITHMS, f"blocks of {s.block}")
    need(1 <= s.parts <= (s.cin if s.block == 1 else 1), f"{s.parts} parts of {s.cin} channels")
    for size, out, k, stride, pad in ((s.h, s.out_h, s.kh, s.stride_h, s.pad_h), (s.w, s.out_w, s.kw, s.stride_w, s.pad_w)):
        need(k <= size + 2 * pad < LARGEST and out == (size + 2 * pad - k) // stride + 1, f"{out} windows of {k} in {size} pixels")
    columns = s.kh * s.kw * s.cin
    need(columns * (s.kh * (s.w + 2 * s.pad_w + s.out_w + 1024)) < 1 << 60, f"{columns} columns")
    if s.block in BLOCKS:
        need(s.pad_h == s.pad_w == 0 and s.kh * s.w * s.ldx < LARGEST, f"windows of {s.kh} rows, padded by {s.pad_h} and {s.pad_w}")
    else:
        need(lib.mg_sparse_panel(ffi.addressof(s), m) < LARGEST, f"{columns} columns")
    pixels = s.n * s.out_h * s.out_w
    residual = a_map(pixels, s.cout, s.ldr) if s.ldr else None
    return Extents(a_map(s.n * s.h * s.w, s.cin, s.ldx), a_map(pixels, s.cout, s.ldy), rows_of(s) + 1, s.cout, residual)


KERNELS_EXTENTS: dict[str, Callable[[Pointer, Machine], Extents]] = {
    "MG_PLACE": _place, "MG_CONV2D_DIRECT": _conv, "MG_CONV2D_WINOGRAD": _winograd, "MG_DEPTHWISE": _depthwise, "MG_MAX_POOL2D": _pool,
    "MG_AVG_POOL2D": _pool, "MG_ACTIVATION": _elementwise, "MG_ADD": _add, "MG_COPY": _elementwise, "MG_SOFTMAX": _softmax,
    "MG_AFFINE": _affine, "MG_CHANNEL_SHUFFLE": _shuffle, "MG_SPARSE_CONV2D": _sparse, "MG_LRN": _lrn,
} | extents_of_narrow(_conv, _pool, _elementwise, _place)  # fmt: skip


def settings_of(c_call: Pointer) -> Pointer:
    """The settings that a call's kernel reads; ValueError for numbers that none has."""
    member = SETTINGS[KERNELS[c_call.kernel]]
    s = getattr(c_call.settings, member)
    for field, value in numbers_of(s):
        if field not in NOT_COUNTS:
            need((-LARGEST if field in SIGNED else 0) <= value < LARGEST, f"{field} is {value}")
    need(getattr(s, "activation", 0) < lib.MG_ACTIVATIONS, "an unknown activation")
    return s


class Areas:
    """Sizes of the areas: of constants, input and outputs as given, of the arena and of each thread's own as large as the calls need."""

    def __init__(self, constants: int, x: int, ys: Sequence[int]) -> None:
        self.sizes = {CONSTANTS: constants, INPUT: x} | {OUTPUT + i: y for i, y in enumerate(ys)}
        self.used = {ARENA: 0, PRIVATE: 0}

    def take(self, at: Pointer, floats: int, images: int, written: bool = False) -> None:
        """Refuses an operand that is not inside its area."""
        end = at.offset + (images - 1) * at.image + floats
        need(at.area in self.sizes or at.area in self.used, f"an area {at.area}")
        need(not written or at.area not in (CONSTANTS, INPUT), "a call that writes to what is only read")
        need(not (at.area in (CONSTANTS, PRIVATE) and at.image), "an image's own part of what all images share")
        need(end <= self.sizes.get(at.area, MOST), f"{end} floats of an area of {self.sizes.get(at.area, MOST)}")
        if at.area in self.used:
            self.used[at.area] = max(self.used[at.area], end)


def check(c_calls: Pointer, n: int, areas: Areas, constants: Array, images: int, m: Machine) -> None:
    """Refuses calls that would touch what is not theirs, by a ValueError. images: of a batch, which a group may take one by one."""
    inside = 0  # calls of a strip that are left
    for i in range(n):
        call = c_calls[i]
        try:
            need(call.images in (1, images) and call.images > 0, f"{call.images} images")
            s = settings_of(call)
            extents = KERNELS_EXTENTS[KERNELS[call.kernel]](s, m)
            if call.strip and not inside:
                _check_strip(c_calls, i, n)
                inside = call.strip
            first, last = call.strip > 0, inside == 1
            if inside and not last:  # some rows of its output, in the thread's own memory
                start = next(j for j in range(i, -1, -1) if c_calls[j].strip)
                rows = lib.mg_strip_rows(c_calls + start, i - start)
                extents = extents._replace(y=rows * s.out_w * s.ldy)
            _check_operands(call, extents, areas, skip_x=bool(inside) and not first)
            if KERNELS[call.kernel] == "MG_SPARSE_CONV2D":
                _check_sparse_weights(s, call.w, areas, constants, m)
        except ValueError as error:
            raise ValueError(f"call {i}: {error}") from None
        inside = max(inside - 1, 0)


def _check_operands(call: Pointer, extents: Extents, areas: Areas, skip_x: bool) -> None:
    for name in OPERANDS:
        at, floats = getattr(call, name), getattr(extents, name)
        if at.area == NOWHERE:
            need(floats is None or name in extents.optional, f"no {name}")
        elif name != "x" or not skip_x:
            need(floats is not None, f"{name} is not expected")
            areas.take(at, floats or 0, call.images, written=name == "y")


def _check_strip(c_calls: Pointer, first: int, n: int) -> None:
    """A strip: each call reads what the one before it wrote, in the same form, for one image."""
    count = c_calls[first].strip
    need(1 < count <= LONGEST and first + count <= n and c_calls[first].strip_rows > 0, f"a strip of {count} calls")
    for i in range(first, first + count):
        call = c_calls[i]
        s = settings_of(call)
        need(by_rows(call.kernel, s) and s.n == 1 and call.images == c_calls[first].images, "a call that cannot be in a strip")
        need(i == first or call.strip == 0, "a strip inside a strip")
        need(c_calls[first].strip_rows <= LARGEST, "too many rows")
        if i > first:
            before = c_calls[i - 1]
            t = settings_of(before)
            same = (s.h, s.w, s.ldx) == (t.out_h, t.out_w, t.ldy)
            x, y = call.x, before.y
            need(same and (x.area, x.offset, x.image) == (y.area, y.offset, y.image) and y.area == PRIVATE, "a call that reads other rows")


def _check_sparse_weights(s: Pointer, at: Pointer, areas: Areas, constants: Array, m: Machine) -> None:
    """starts, offsets and values, as plan_sparse.py writes them."""
    need(at.area == CONSTANTS, "sparse weights that change")
    rows = rows_of(s)
    numbers = constants[at.offset :].view(np.int32)
    starts = numbers[: rows + 1]
    need(starts[0] == 0 and bool(np.all(np.diff(starts.astype(np.int64)) >= 0)), "starts that are not in order")
    entries = int(starts[-1])
    need(values_at(s, entries) + entries * s.block <= numbers.size, f"{entries} weights")
    offsets = numbers[rows + 1 :][: entries + AHEAD]
    known = offsets_of(m, ffi.addressof(s), np.arange(s.kh * s.kw * s.cin, dtype=np.int32))
    need(bool(np.isin(offsets[:entries], known).all()) and not offsets[entries:].any(), "offsets that are not in the map")
