"""The calls of a plan that read or write maps of bf16. Each is made from the float32 call that it replaces."""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ..reference.bf16 import from_bf16 as values_of
from ..reference.bf16 import to_bf16 as halves_of
from ..reference.int8 import Limits
from ..shapes import ConvShape
from . import bf16, machine
from .arena import Buffer, Map
from .plan import Call, Packed
from .plan_int8 import changed

IN_FLOAT = 2  # values in the place of a float32: slices begin at a multiple of it


class NarrowMap(Map):
    """A map of bf16: `first` is in floats, `ld` in values."""

    __slots__ = ()


def buffer(size: int) -> Buffer:
    """A buffer for `size` values."""
    return Buffer(-(-size // IN_FLOAT))


def narrow(m: Map, place: Buffer) -> NarrowMap:
    """The channels of `m` in a buffer of bf16."""
    return NarrowMap(place, m.shape, m.first // IN_FLOAT, m.ld)


def values(areas: Sequence[Array], m: NarrowMap, scale: str) -> Array:
    """The values of the map `m` in float32."""
    area = areas[m.buffer.area].reshape(-1).view(np.uint16)[IN_FLOAT * (m.buffer.offset + m.first) :]
    pixels = [2 * m.ld * prod(m.shape[i + 1 : -1]) for i in range(3)]
    return values_of(np.lib.stride_tricks.as_strided(area, m.shape, (*pixels, 2)))


def convolution(m: machine.Machine, call: Call, x: NarrowMap, y: Map, limits: Limits) -> Call:
    """The convolution `call` of bf16: to bf16, if `y` is a NarrowMap, or to float32. limits: of what it writes."""
    assert isinstance(call.w, Packed) and call.w.of is not None
    w, b = call.w.of
    kernel = lib.MG_BF16_CONV2D if isinstance(y, NarrowMap) else lib.MG_BF16_CONV2D_FLOAT
    conv = changed(call.settings["conv"], ldx=x.ld, ldy=y.ld, activation=lib.MG_NONE, alpha=limits[0], beta=limits[1])
    shape = ConvShape(0, 0, 0, conv.cin * conv.groups, conv.kh, conv.kw, w.shape[-1], (1, 1), (0, 0, 0, 0), (1, 1), conv.groups, 0, 0)
    pointer = ffi.new("struct mg_conv *", conv)
    packed = Packed(conv.groups * lib.mg_bf16_panels_size(pointer, m), partial(_pack, m, pointer, shape, w, b))
    return call._replace(kernel=kernel, x=x, y=y, settings={"conv": conv}, w=packed, b=None, algorithm="bf16", residual=None)


def _pack(m: machine.Machine, conv: Any, s: ConvShape, w: Any, b: Array | None, out: Array) -> None:
    bf16.pack(m, conv, s, halves_of(w.of(slice(0, s.cout))), b, out)


def _rows(x: Map, y: Map) -> dict[str, Any]:
    n, h, w, c = x.shape
    return {"elementwise": (n * h * w, c, x.ld, x.ld, y.ld)}


def to_bf16(call: Call, x: Map, y: NarrowMap) -> Call:
    """The call that writes `x` in bf16 to `y`, after `call`, which makes `x`."""
    return Call(lib.MG_TO_BF16, x, y, _rows(x, y), name=call.name, kind="to bf16")


def from_bf16(call: Call, x: NarrowMap, y: Map) -> Call:
    """The call that writes the values of `x` in float32 to `y`, before `call`, which reads them."""
    return Call(lib.MG_FROM_BF16, x, y, _rows(x, y), name=call.name, kind="to float32")


def max_pool(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The largest values of the windows of `call`."""
    return call._replace(kernel=lib.MG_BF16_MAX_POOL2D, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})


def avg_pool(call: Call, x: NarrowMap, y: Map) -> Call:
    """The means of the windows of `call`, in float32."""
    return call._replace(kernel=lib.MG_BF16_AVG_POOL2D, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})


def place(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The values on the canvas of `call`, with zeros around them: moved as pairs of bytes."""
    n, h, w, c, _, *rest = call.settings["place"]
    return call._replace(kernel=lib.MG_PLACE_BYTES, x=x, y=y, settings={"place": (n, h, w, 2 * c, 2 * x.ld, *rest)})


def copy(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The values copied, as pairs of bytes."""
    n, h, w, c = x.shape
    return call._replace(kernel=lib.MG_COPY_BYTES, x=x, y=y, settings={"elementwise": (n * h * w, 2 * c, 2 * x.ld, 2 * x.ld, 2 * y.ld)})
