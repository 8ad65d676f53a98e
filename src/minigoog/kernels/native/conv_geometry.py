"""What all convolution algorithms share: padding, and the shape as C sees it."""

from collections.abc import Callable
from typing import NamedTuple

from minigoog._native import ffi, lib

from ...array_types import Array
from ..shapes import ConvShape
from . import machine, workspace
from .pointers import Pointer, pixels


class Algorithm(NamedTuple):
    """One way to compute a convolution: three functions that write into the caller's array, and which shapes they support.

    `s` is a ConvShape of one group, or of all of them for an algorithm that computes `all_groups` at once."""

    name: str
    forward: Callable[[ConvShape, Array, Array, Array | None, bool, Array], None]  # s, x, w, b, relu, y
    input: Callable[[ConvShape, Array, Array, Array, bool], None]  # s, w, dy, dx, whether to add to dx
    weight: Callable[[ConvShape, Array, Array, Array], None]  # s, x, dy, dw
    supports: Callable[[ConvShape], bool]
    all_groups: bool = False


def place(x: Array, top: int, left: int, step: tuple[int, int], height: int, width: int, name: str = "x") -> Array:
    """`x` on a canvas [n, height, width, c] of zeros: pixel (i, j) at (top + i * step[0], left + j * step[1]) where that is inside."""
    n, h, w, c = x.shape
    canvas = workspace.empty((n, height, width, c))
    pointer, ldx = pixels("conv2d", name, x)
    settings = ffi.new("struct mg_place *", (n, h, w, c, ldx, top, left, *step, height, width))
    lib.mg_place(settings, pointer, ffi.from_buffer("float[]", canvas), machine.current())
    return canvas


def padded_size(s: ConvShape) -> tuple[int, int]:
    """Height and width with the padding of `s`."""
    top, left, bottom, right = s.padding
    return top + s.h + bottom, left + s.w + right


def padded(s: ConvShape, x: Array) -> Array:
    """`x` with the padding of `s`; `x` itself if there is none."""
    return place(x, *s.padding[:2], (1, 1), *padded_size(s)) if any(s.padding) else x


class Epilogue(NamedTuple):
    """What a convolution does with its sums before it writes them: fields of struct mg_conv."""

    activation: int = lib.MG_NONE
    alpha: float = 0
    beta: float = 0
    ldr: int = 0


NOTHING, RELU = Epilogue(), Epilogue(lib.MG_RELU)


def geometry(s: ConvShape, ldx: int, ldy: int, epilogue: Epilogue = NOTHING, groups: int = 1) -> Pointer:
    """struct mg_conv of `s`, one of `groups` groups, all padding already in the map."""
    h, w = padded_size(s)
    sizes = (s.n, h, w, s.cin, s.kh, s.kw, *s.stride, *s.dilation, s.out_h, s.out_w, s.cout, ldx, ldy, 0, *epilogue, groups)
    return ffi.new("struct mg_conv *", sizes)
