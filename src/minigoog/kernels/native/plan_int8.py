"""The calls of a plan that read or write maps of bytes. Each is made from the float32 call that it replace."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from ..reference.conv import channel_groups
from ..reference.int8 import Limits, quantize_weights
from ..reference.int8_rounding import Feedback, round_weights
from ..shapes import ConvShape
from . import int8, machine
from .arena import Buffer, Map
from .plan import Call, Packed

WORD = 4  # bytes of a float: slices of maps of bytes begin at a multiple of it


class NarrowMap(Map):
    """A map of bytes: `first` is in words of 4 bytes, `ld` in bytes."""

    __slots__ = ()


def buffer(size: int) -> Buffer:
    """A buffer for `size` bytes."""
    return Buffer(-(-size // WORD))


def narrow(m: Map, place: Buffer) -> NarrowMap:
    """The channels of `m` in a buffer of bytes."""
    return NarrowMap(place, m.shape, m.first // WORD, m.ld)


def values(areas: Sequence[Array], m: NarrowMap, scale: float) -> Array:
    """The values of the map `m` in float32."""
    area = areas[m.buffer.area].reshape(-1).view(np.uint8)[WORD * (m.buffer.offset + m.first) :]
    pixels = [m.ld * prod(m.shape[i + 1 : -1]) for i in range(3)]
    found: Array = np.lib.stride_tricks.as_strided(area, m.shape, (*pixels, 1)) * np.float32(scale)
    return found


def changed(settings: Any, **fields: float) -> Any:
    """A copy of settings in C with other values of these fields."""
    copy = ffi.new(ffi.getctype(ffi.typeof(settings), "*"), settings)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy[0]


class Codes(NamedTuple):
    """What a product reads. means: of each channel's values, over calibration images; feedback(first, end): how the rounding errors
    of the weights of these channels are made up for."""

    map: NarrowMap
    scale: float
    means: Array
    feedback: Callable[[int, int], Feedback]


def convolution(m: machine.Machine, call: Call, x: Codes, y: Map, y_scale: float | None, limits: Limits) -> Call:
    """The convolution `call` of codes: to codes with a scale (`y_scale`), or to float32. limits: of what it writes."""
    assert isinstance(call.w, Packed) and call.w.of is not None
    w, b = call.w.of
    kernel = lib.MG_INT8_CONV2D_FLOAT if y_scale is None else lib.MG_INT8_CONV2D
    conv = changed(call.settings["conv"], ldx=x.map.ld, ldy=y.ld, activation=lib.MG_NONE, alpha=limits[0], beta=limits[1])
    shape = ConvShape(0, 0, 0, conv.cin * conv.groups, conv.kh, conv.kw, w.shape[-1], (1, 1), (0, 0, 0, 0), (1, 1), conv.groups, 0, 0)
    pointer = ffi.new("struct mg_conv *", conv)
    pack = partial(_pack, m, pointer, shape, w, b, x, 1.0 if y_scale is None else y_scale)
    packed = Packed(conv.groups * lib.mg_int8_panels_size(pointer, m), pack)
    return call._replace(kernel=kernel, x=x.map, y=y, settings={"conv": conv}, w=packed, b=None, algorithm="int8", residual=None)


def _pack(m: machine.Machine, conv: Any, s: ConvShape, w: Any, b: Array | None, x: Codes, y_scale: float, out: Array) -> None:
    weights = w.of(slice(0, s.cout))
    codes, scales = quantize_weights(weights)
    for i, o in channel_groups(s):
        codes[..., o] = round_weights(weights[..., o], scales[o], x.feedback(i.start, i.stop))
    bias = (np.zeros(s.cout) if b is None else b) + mean_error(weights - codes * scales, x.means, s)
    whole = np.rint(bias / (x.scale * scales)).clip(-(2**30), 2**30).astype(np.int32)
    int8.pack(m, conv, s, codes, whole, (x.scale * scales / y_scale).astype(np.float32), out)


def mean_error(lost: Array, means: Array, s: ConvShape) -> Array:
    """By how much sums are too small on average, `lost` [kh, kw, cin / groups, cout] being what rounding took away from the weights.

    Added to the bias. (Nagel et al. 2019, Data-free quantization through weight equalization and bias correction, 4.2)"""
    found = np.empty(s.cout)
    for i, o in channel_groups(s):
        found[o] = np.einsum("hwio,i->o", lost[..., o], means[i])
    return found


def quantize(call: Call, x: Map, y: NarrowMap, scale: float) -> Call:
    """The call that writes the codes of `x` to `y`, after `call`, which makes `x`."""
    n, h, w, c = x.shape
    return Call(lib.MG_QUANTIZE, x, y, {"quantize": (n * h * w, c, x.ld, y.ld, 1 / scale, 0)}, name=call.name, kind="to codes")


def dequantize(call: Call, x: NarrowMap, y: Map, scale: float) -> Call:
    """The call that writes the values of the codes `x` to `y`, before `call`, which reads them."""
    n, h, w, c = x.shape
    return Call(lib.MG_DEQUANTIZE, x, y, {"quantize": (n * h * w, c, x.ld, y.ld, scale, 0)}, name=call.name, kind="to values")


def max_pool(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The largest codes of the windows of `call`."""
    return call._replace(kernel=lib.MG_INT8_MAX_POOL2D, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})


def avg_pool(call: Call, x: NarrowMap, y: Map, scale: float) -> Call:
    """The means of the windows of `call`, in float32."""
    pool = changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)
    return call._replace(kernel=lib.MG_INT8_AVG_POOL2D, x=x, y=y, settings={"average": (pool, scale)})


def place(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The codes on the canvas of `call`, with zeros around them."""
    n, h, w, c, _, *rest = call.settings["place"]
    return call._replace(kernel=lib.MG_PLACE_BYTES, x=x, y=y, settings={"place": (n, h, w, c, x.ld, *rest)})


def copy(call: Call, x: NarrowMap, y: NarrowMap) -> Call:
    """The codes copied."""
    n, h, w, c = x.shape
    return call._replace(kernel=lib.MG_COPY_BYTES, x=x, y=y, settings={"elementwise": (n * h * w, c, x.ld, x.ld, y.ld)})
