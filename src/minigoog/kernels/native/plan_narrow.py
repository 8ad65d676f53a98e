"""What plans of bytes and of bf16 have in common: maps of values of `item` bytes, and the calls that only move values."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ..reference.int8 import Limits
from ..shapes import ConvShape
from .arena import Buffer, Map
from .plan import Call, Packed

FLOAT = 4  # bytes; slices of maps begin at a multiple of it


class NarrowMap(Map):
    """A map of values shorter than a float: `first` is in floats, `ld` in values."""

    __slots__ = ()


def buffer(size: int, item: int) -> Buffer:
    """A buffer for `size` values."""
    return Buffer(-(-size * item // FLOAT))


def narrow(m: Map, place: Buffer, item: int) -> NarrowMap:
    """The channels of `m` in a buffer of such values."""
    return NarrowMap(place, m.shape, m.first * item // FLOAT, m.ld)


def stored(areas: Sequence[Array], m: NarrowMap, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """The values of the map `m` as they are in memory."""
    area = areas[m.buffer.area].reshape(-1)[m.buffer.offset + m.first :].view(dtype)
    pixels = [area.itemsize * m.ld * prod(m.shape[i + 1 : -1]) for i in range(3)]
    return np.lib.stride_tricks.as_strided(area, m.shape, (*pixels, area.itemsize))


def changed(settings: Any, **fields: float) -> Any:
    """A copy of settings in C with other values of these fields."""
    copy = ffi.new(ffi.getctype(ffi.typeof(settings), "*"), settings)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy[0]


class Product:
    """The convolution `call` of the narrow map `x` to `y`. limits: of what it writes; w, b: what it was packed from.

    kw: the width of its windows, if it is another than the call's. pointer: its settings in C; shape: for the reference's functions."""

    def __init__(self, call: Call, x: NarrowMap, y: Map, limits: Limits, kw: int | None = None) -> None:
        assert isinstance(call.w, Packed) and call.w.of is not None
        self.w, self.b = call.w.of
        self.call, self.x, self.y = call, x, y
        wider = {} if kw is None else {"w": x.shape[2], "kw": kw}
        self.conv = conv = changed(
            call.settings["conv"], ldx=x.ld, ldy=y.ld, **wider, activation=lib.MG_NONE, alpha=limits[0], beta=limits[1]
        )
        self.pointer = ffi.new("struct mg_conv *", conv)
        sizes = conv.cin * conv.groups, conv.kh, conv.kw, self.w.shape[-1]
        steps = (conv.stride_h, conv.stride_w), (0, 0, 0, 0), (conv.dilation_h, conv.dilation_w)
        self.shape = ConvShape(0, 0, 0, *sizes, *steps, conv.groups, 0, 0)

    def weights(self) -> Array:
        """The float32 weights HWIO."""
        found = self.w.of(slice(0, self.shape.cout))
        return found if found.ndim == 4 else found[None, None]  # of Linear

    def made(self, kernel: int, algorithm: str, packed: Packed) -> Call:
        """The call of this kernel with weights that are packed for it."""
        return self.call._replace(
            kernel=kernel, x=self.x, y=self.y, settings={"conv": self.conv}, w=packed, b=None, algorithm=algorithm, residual=None
        )


def max_pool(call: Call, x: NarrowMap, y: NarrowMap, kernel: int) -> Call:
    """The largest values of the windows of `call`."""
    return call._replace(kernel=kernel, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})


def place(call: Call, x: NarrowMap, y: NarrowMap, item: int) -> Call:
    """The values on the canvas of `call`, with zeros around them."""
    n, h, w, c, _, *rest = call.settings["place"]
    return call._replace(kernel=lib.MG_PLACE_BYTES, x=x, y=y, settings={"place": (n, h, w, item * c, item * x.ld, *rest)})


def copy(call: Call, x: NarrowMap, y: NarrowMap, item: int) -> Call:
    """The values copied."""
    rows, c, *lds = elementwise(x, y)["elementwise"]
    return call._replace(kernel=lib.MG_COPY_BYTES, x=x, y=y, settings={"elementwise": (rows, item * c, *(item * ld for ld in lds))})


def elementwise(x: Map, y: Map) -> dict[str, Any]:
    """The settings of a call that makes each value of `y` from that of `x`."""
    n, h, w, c = x.shape
    return {"elementwise": (n * h * w, c, x.ld, x.ld, y.ld)}
