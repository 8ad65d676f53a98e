"""The calls of a plan that read or write maps of bf16. Each is made from the float32 call that it replaces."""

from collections.abc import Sequence

import numpy as np

from minigoog._native import lib

from ...array_types import Array
from ..reference.bf16 import from_bf16 as values_of
from ..reference.bf16_rounding import to_bf16_in_balance
from ..reference.int8 import Limits
from . import bf16, machine
from .arena import Map
from .plan import Call, Packed
from .plan_narrow import NarrowMap, Product, changed, elementwise, stored

ITEM = 2
MAX_POOL = lib.MG_BF16_MAX_POOL2D


def values(areas: Sequence[Array], m: NarrowMap, scale: str) -> Array:
    """The values of the map `m` in float32."""
    return values_of(stored(areas, m, np.uint16))


def convolution(m: machine.Machine, call: Call, x: NarrowMap, y: Map, limits: Limits) -> Call:
    """The convolution `call` of bf16: to bf16, if `y` is a NarrowMap, or to float32. limits: of what it writes."""
    product = Product(call, x, y, limits)

    def pack(out: Array) -> None:
        bf16.pack(m, product.pointer, product.shape, to_bf16_in_balance(product.weights()), product.b, out)

    packed = Packed(product.shape.groups * lib.mg_bf16_panels_size(product.pointer, m), pack)
    return product.made(lib.MG_BF16_CONV2D if isinstance(y, NarrowMap) else lib.MG_BF16_CONV2D_FLOAT, "bf16", packed)


def to_bf16(call: Call, x: Map, y: NarrowMap) -> Call:
    """The call that writes `x` in bf16 to `y`, after `call`, which makes `x`."""
    return Call(lib.MG_TO_BF16, x, y, elementwise(x, y), name=call.name, kind="to bf16")


def from_bf16(call: Call, x: NarrowMap, y: Map) -> Call:
    """The call that writes the values of `x` in float32 to `y`, before `call`, which reads them."""
    return Call(lib.MG_FROM_BF16, x, y, elementwise(x, y), name=call.name, kind="to float32")


def avg_pool(call: Call, x: NarrowMap, y: Map) -> Call:
    """The means of the windows of `call`, in float32."""
    return call._replace(kernel=lib.MG_BF16_AVG_POOL2D, x=x, y=y, settings={"pool": changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)})
