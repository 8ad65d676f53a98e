"""`winograd`: 3x3 and 5x5 convolution of stride 1 by F(4x4, 3x3) and F(2x2, 5x5), a quarter and a third of the multiplications, and 7x7
of stride 2, whose input gradient is not supported, by F(3x3, 4x4), a third of them (csrc/conv_winograd*.c).

The input gradient is the same convolution with flipped weights; the weight gradient multiplies in the transformed domain."""

from functools import partial

from minigoog._native import ffi, lib

from ...array_types import Array
from ..shapes import ConvShape
from . import conv_direct, machine, workspace
from .conv_geometry import NOTHING, RELU, Algorithm, Epilogue, place
from .pointers import NULL, Pointer, dense, pixels

FEW_TILES = 16  # of 4x4 outputs: below, the transformed weights take longer to fetch than to use, and tiles of 2x2 have fewer
FOLDED = 7  # the window whose taps are taken by squares of 2x2
STRIDES = {(3, 3): (1, 1), (5, 5): (1, 1), (FOLDED, FOLDED): (2, 2)}
MANY_WEIGHTS = 1 << 18  # of which four times as many are worth it for four times as many tiles only: 512 to 512 channels take 36 or 16 MiB


def tiles(s: ConvShape, side: int = 4) -> int:
    """How many tiles of `side` x `side` outputs there are."""
    return s.n * -(-s.out_h // side) * -(-s.out_w // side)


def side_of(s: ConvShape) -> int:
    """The side of the square of outputs that one tile computes, going forward."""
    if s.kh == FOLDED:
        return 3
    few = 4 * FEW_TILES if s.cin * s.cout >= MANY_WEIGHTS else FEW_TILES
    return 2 if s.kh == 5 or tiles(s) < few else 4


def supports(s: ConvShape) -> bool:
    """Whether the window is 3x3 or 5x5 and its stride 1, or 7x7 and 2, without gaps."""
    return STRIDES.get((s.kh, s.kw)) == s.stride and s.dilation == (1, 1)


def spare_rows(kh: int) -> int:
    """Rows of zeros that the kernel may read after the last tile."""
    return 2 if kh == FOLDED else 0


def canvas_size(s: ConvShape, side: int) -> tuple[int, int]:
    """Height and width of a map with its padding, extended with zeros to whole tiles."""
    (down, across), (step_h, step_w) = (-(-s.out_h // side), -(-s.out_w // side)), (side * s.stride[0], side * s.stride[1])
    return down * step_h + s.kh - 1 + spare_rows(s.kh), across * step_w + s.kw - 1


def geometry(s: ConvShape, side: int, ldy: int, epilogue: Epilogue = NOTHING) -> Pointer:
    """struct mg_conv of `s` on such a canvas."""
    h, w = canvas_size(s, side)
    return _geometry(s, side, (h, w), s.cin, ldy, epilogue, (0, 0))


def _geometry(
    s: ConvShape, side: int, size: tuple[int, int], ldx: int, ldy: int, epilogue: Epilogue, around: tuple[int, int]
) -> Pointer:
    """struct mg_conv of `s` on a map of `size`, with padding of `around` pixels before it that is not there."""
    sizes = (s.n, *size, s.cin, s.kh, s.kw, *s.stride, 1, 1, s.out_h, s.out_w, s.cout, ldx, ldy, side)
    return ffi.new("struct mg_conv *", (*sizes, *epilogue, 0, *around))


def _with_map(
    where: str, s: ConvShape, side: int, x: Array, ldy: int, epilogue: Epilogue = NOTHING
) -> tuple[Pointer, Pointer, Array]:
    """(struct mg_conv, pointer, the array there): `x` itself, around which the kernels see zeros, or, for a 7x7 window, its canvas."""
    if s.kh == FOLDED:
        x = place(x, *s.padding[:2], (1, 1), *canvas_size(s, side))
        return geometry(s, side, ldy, epilogue), dense(where, "x", x), x
    pointer, ldx = pixels(where, "x", x)
    return _geometry(s, side, (s.h, s.w), ldx, ldy, epilogue, s.padding[:2]), pointer, x


def pack(m: machine.Machine, s: ConvShape, side: int, w: Array, out: Array | None = None) -> Array:
    """The transformed weights in the order in which the tiles of `m` read them."""
    panels = workspace.empty((lib.mg_winograd_panels_size(side, s.kh, s.cin, s.cout, m),)) if out is None else out
    lib.mg_winograd_pack(side, s.kh, s.cin, s.cout, dense("conv2d", "w", w), dense("conv2d", "panels", panels), m)
    return panels


def forward(
    s: ConvShape, x: Array, w: Array, b: Array | None, relu: bool, y: Array, *, side: int | None = None, accumulate: bool = False
) -> None:
    side, m = side or side_of(s), machine.current()
    panels = pack(m, s, side, w)
    y_pointer, ldy = pixels("conv2d", "out", y)
    g, x_pointer, _kept = _with_map("conv2d", s, side, x, ldy, (RELU if relu else NOTHING)._replace(ldr=ldy))
    scratch = workspace.empty((lib.mg_conv2d_winograd_scratch(g, m),))
    bias = NULL if b is None else dense("conv2d", "b", b)
    arrays = x_pointer, dense("conv2d", "panels", panels), bias, y_pointer if accumulate else NULL, y_pointer
    lib.mg_conv2d_winograd(g, *arrays, dense("conv2d", "scratch", scratch), m)


def input(s: ConvShape, w: Array, dy: Array, dx: Array, accumulate: bool = False, *, side: int | None = None) -> None:
    flipped, w_flipped = conv_direct.flip(s, w)
    top, left = s.kh - 1 - s.padding[0], s.kw - 1 - s.padding[1]
    as_seen = flipped._replace(h=s.out_h, w=s.out_w, padding=(top, left, 0, 0))
    forward(as_seen, dy, w_flipped, None, False, dx, side=side, accumulate=accumulate)


def weight(s: ConvShape, x: Array, dy: Array, dw: Array) -> None:
    where, m = "conv2d_weight", machine.current()
    dy_pointer, lddy = pixels(where, "dy", dy)
    g, x_pointer, _kept = _with_map(where, s, weight_side(s), x, lddy)
    scratch = workspace.empty((lib.mg_conv2d_weight_winograd_scratch(g, m),))
    lib.mg_conv2d_weight_winograd(g, x_pointer, dy_pointer, dense(where, "dw", dw), dense(where, "scratch", scratch), m)


def weight_side(s: ConvShape) -> int:
    """The side of the tiles of a weight gradient."""
    return {3: 4, 5: 2, FOLDED: 3}[s.kh]


ALGORITHM = Algorithm("winograd", forward, input, weight, supports)
OF_SIDE = {
    side: Algorithm("winograd", partial(forward, side=side), partial(input, side=side), weight, supports) for side in (2, 3, 4)
}
