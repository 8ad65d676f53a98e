"""The calls of a plan that read or write maps of bf16. Each is made from the float32 call that it replaces."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from minigoog._native import lib

from ...array_types import Array
from ..reference.bf16 import from_bf16 as values_of
from ..reference.bf16_rounding import to_bf16_by_channels, to_bf16_for_images
from ..reference.bf16_winograd import winograd_weights
from ..reference.conv import channel_groups
from ..reference.int8 import Limits
from ..reference.int8_rounding import Feedback
from . import bf16, bf16_winograd, machine
from .arena import Map
from .plan import Call, Packed
from .plan_narrow import NarrowMap, Product, changed, elementwise, stored

ITEM = 2
FEW_PIXELS, FEW_CHANNELS = 64, 16  # below, Winograd gains little (a third of 7x7 pixels) or nothing, and its error is the same
MAX_POOL = lib.MG_BF16_MAX_POOL2D

Feedbacks: TypeAlias = Callable[[int, int], Feedback | None]  # of weights that multiply the channels from .. to; None: nothing is known


def values(areas: Sequence[Array], m: NarrowMap, scale: str) -> Array:
    """The values of the map `m` in float32."""
    return values_of(stored(areas, m, np.uint16))


def nothing_known(first: int, end: int) -> None:
    """The Feedbacks of a plan without calibration images."""


def convolution(m: machine.Machine, call: Call, x: NarrowMap, y: Map, limits: Limits, feedback: Feedbacks = nothing_known) -> Call:
    """The convolution `call` of bf16: to bf16, if `y` is a NarrowMap, or to float32. limits: of what it writes."""
    product = Product(call, x, y, limits)

    def pack(out: Array) -> None:
        weights = product.weights()
        codes = [to_bf16_by_channels(weights[..., o], feedback(i.start, i.stop)) for i, o in channel_groups(product.shape)]
        bf16.pack(m, product.pointer, product.shape, np.concatenate(codes, axis=-1), product.b, out)

    packed = Packed(product.shape.groups * lib.mg_bf16_panels_size(product.pointer, m), pack)
    return product.made(lib.MG_BF16_CONV2D if isinstance(y, NarrowMap) else lib.MG_BF16_CONV2D_FLOAT, "bf16", packed)


def folded(m: machine.Machine, call: Call, x: NarrowMap, y: Map, limits: Limits) -> Call:
    """The same, two neighbouring pixels of `x` taken as one: an odd number of channels fills words then, as that of an image does."""
    conv = call.settings["conv"]
    n, h, w, c = x.shape
    wide = {"w": w // 2, "cin": 2 * c, "kw": -(-conv.kw // 2), "stride_w": 1}
    as_one = call._replace(settings={"conv": changed(conv, **wide)})
    product = Product(as_one, NarrowMap(x.buffer, (n, h, w // 2, 2 * c), x.first, 2 * x.ld), y, limits)

    def pack(out: Array) -> None:
        taps = product.weights()
        pairs = np.zeros((conv.kh, 2 * wide["kw"], *taps.shape[2:]), np.uint16)
        pairs[:, : conv.kw] = to_bf16_for_images(taps)
        bf16.pack(m, product.pointer, product.shape, pairs.reshape(conv.kh, wide["kw"], 2 * c, -1), product.b, out)

    packed = Packed(lib.mg_bf16_panels_size(product.pointer, m), pack)
    return product.made(lib.MG_BF16_CONV2D if isinstance(y, NarrowMap) else lib.MG_BF16_CONV2D_FLOAT, "bf16", packed)


def folds(conv: Any) -> bool:
    """Whether a convolution with these settings in C can take two pixels as one: of a padded image, with stride 2."""
    dense = conv.ldx == conv.cin and conv.groups == 1 and conv.dilation_w == 1 and conv.w % 2 == 0
    return bool(dense and conv.cin % 2 == 1 and conv.stride_w == 2 and conv.out_w == conv.w // 2 - -(-conv.kw // 2) + 1)


def winograd(m: machine.Machine, call: Call, x: NarrowMap, y: NarrowMap, limits: Limits, feedback: Feedbacks = nothing_known) -> Call:
    """The same from bf16 to bf16 by F(2x2, 3x3)."""
    product = Product(call, x, y, limits)
    s = product.shape

    def pack(out: Array) -> None:
        bf16_winograd.pack(m, s, winograd_weights(product.weights(), feedback(0, s.cin)), out)

    packed = Packed(lib.mg_bf16_winograd_size(s.cin, s.cout, m), pack)
    return product.made(lib.MG_BF16_WINOGRAD, "bf16 winograd", packed)._replace(b=product.b)


def winograd_pays(conv: Any) -> bool:
    """Whether the convolution with these settings in C is faster by F(2x2, 3x3), whatever the number of images."""
    plain = (conv.kh, conv.kw, conv.stride_h, conv.stride_w, conv.dilation_h, conv.dilation_w, conv.groups) == (3, 3, 1, 1, 1, 1, 1)
    return plain and conv.out_h * conv.out_w >= FEW_PIXELS and min(conv.cin, conv.cout) >= FEW_CHANNELS


def to_bf16(call: Call, x: Map, y: NarrowMap) -> Call:
    """The call that writes `x` in bf16 to `y`, after `call`, which makes `x`."""
    n, h, w, c = x.shape
    dense = x.ld == y.ld == c
    rows = {"elementwise": (n * h, w * c, w * c, w * c, w * c)} if dense else elementwise(x, y)
    return Call(lib.MG_TO_BF16, x, y, rows, name=call.name, kind="to bf16")


def from_bf16(call: Call, x: NarrowMap, y: Map) -> Call:
    """The call that writes the values of `x` in float32 to `y`, before `call`, which reads them."""
    return Call(lib.MG_FROM_BF16, x, y, elementwise(x, y), name=call.name, kind="to float32")


def avg_pool(call: Call, x: NarrowMap, y: Map) -> Call:
    """The means of the windows of `call`, in float32."""
    return call._replace(kernel=lib.MG_BF16_AVG_POOL2D, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})
