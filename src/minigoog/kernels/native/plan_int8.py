"""The calls of a plan that read or write maps of bytes. Each is made from the float32 call that it replaces."""

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from minigoog._native import lib

from ...array_types import Array, Shape
from ..reference.conv import channel_groups
from ..reference.int8 import Int8s, Int32s, Limits, check_sum, quantize_weights
from ..reference.int8_rounding import Feedback, round_weights
from ..shapes import ConvShape
from . import int8, machine, plan_bf16
from .arena import Map
from .plan import Call, Packed
from .plan_narrow import NarrowMap, Product, buffer, changed, narrow, stored

ITEM = 1
MAX_POOL = lib.MG_INT8_MAX_POOL2D


def values(areas: Sequence[Array], m: NarrowMap, scale: float) -> Array:
    """The values of the map `m` in float32."""
    found: Array = stored(areas, m, np.uint8) * np.float32(scale)
    return found


class Codes(NamedTuple):
    """What a product reads. means: of each channel's values, over calibration images; feedback(first, end): how the rounding errors
    of the weights of these channels are made up for, None where there are fewer pixels to know it from than channels."""

    map: NarrowMap
    scale: float
    means: Array
    feedback: Callable[[int, int], Feedback | None]


class Image(NamedTuple):
    """What a convolution of the plan's input reads: codes of its own for each channel, which are scale * (code - zero); zero is no integer
    in general. means: of (code - zero) at each place of a window, [kh, kw, c]; feedback: of the window's places, all together."""

    scales: Array
    zeros: Array
    means: Array
    feedback: Feedback


class Rounded(NamedTuple):
    """What a product is packed from: codes of weights, biases as sums, factors."""

    weights: Int8s
    bias: Int32s
    factors: Array


def convolution(m: machine.Machine, call: Call, x: Codes, y: Map, y_scale: float | None, limits: Limits) -> Call:
    """The convolution `call` of codes: to codes with a scale (`y_scale`), or to float32. limits: of what it writes."""
    product = Product(call, x.map, y, limits)
    rounded = _rounded(product, x, 1.0 if y_scale is None else y_scale)

    def pack(out: Array) -> None:
        int8.pack(m, product.pointer, product.shape, *rounded, out)

    packed = Packed(product.shape.groups * lib.mg_int8_panels_size(product.pointer, m), pack)
    if y_scale is None:
        return product.made(lib.MG_INT8_CONV2D_FLOAT, "int8", packed)
    if int8.pairs_pay(m, product.pointer, product.shape, rounded.weights):
        return product.made(lib.MG_INT8_CONV2D_PAIRS, "int8 winograd" if product.shape.kh == 3 else "int8 pairs", packed)
    return product.made(lib.MG_INT8_CONV2D, "int8", packed)


def image_convolution(
    m: machine.Machine, place: Call | None, call: Call, image: Image, y: Map, y_scale: float | None, limits: Limits
) -> list[Call]:
    """The calls that make codes of the plan's input, on a canvas if `place` makes one, and the convolution `call` of them.

    Windows become so wide, by weights of 0, that their rows are whole words; the canvas has room for them."""
    c, wanted = call.settings["conv"], call.x.shape
    kw = next(kw for kw in range(c.kw, c.kw + 4) if kw * c.cin % 4 == 0)
    width = max(wanted[2], (c.out_w - 1) * c.stride_w + kw)
    canvas = new_image((*wanted[:2], width, c.cin))
    product = Product(call, canvas, y, limits, kw)
    rounded = _rounded_image(product, image, 1.0 if y_scale is None else y_scale)
    weights = np.pad(rounded.weights, ((0, 0), (0, kw - c.kw), (0, 0), (0, 0)))

    def pack(out: Array) -> None:
        int8.pack(m, product.pointer, product.shape, weights, rounded.bias, rounded.factors, out)

    packed = Packed(lib.mg_int8_panels_size(product.pointer, m), pack)
    made = product.made(lib.MG_INT8_CONV2D_FLOAT if y_scale is None else lib.MG_INT8_CONV2D, "int8", packed)
    x = call.x if place is None else place.x
    at = (0, 0) if place is None else place.settings["place"][5:7]
    settings = {"place": (*x.shape, x.ld, *at, 1, 1, *canvas.shape[1:3])}
    codes = int8.image_codes(image.scales, image.zeros)
    return [Call(lib.MG_QUANTIZE_IMAGE, x, canvas, settings, codes, name=call.name, kind="image to codes"), made]


def is_of_vectors(call: Call) -> bool:
    """Whether a convolution is a product of weights and vectors, one of each image: so that reading the weights is most of the time."""
    conv = call.settings["conv"]
    one = conv.kh == conv.kw == conv.out_h == conv.out_w == conv.groups == 1 and call.residual is None
    return bool(one and conv.cin % 2 == 0 and conv.activation in (lib.MG_NONE, lib.MG_RELU, lib.MG_CLIP))


def last_product(m: machine.Machine, call: Call, limits: Limits) -> list[Call]:
    """Such a product of the values in float32, in bf16: with weights of half the size, and hardly any error."""
    x = narrow(call.x._replace(first=0, ld=call.x.shape[-1]), buffer(prod(call.x.shape), plan_bf16.ITEM), plan_bf16.ITEM)
    return [plan_bf16.to_bf16(call, call.x, x), plan_bf16.convolution(m, call, x, call.y, limits)]


def new_image(shape: Shape) -> NarrowMap:
    """A map of bytes in a buffer of its own."""
    return NarrowMap(buffer(prod(shape), ITEM), shape, 0, shape[-1])


def _rounded_image(product: Product, x: Image, y_scale: float) -> Rounded:
    weights = _finite(product) * x.scales[:, None]
    flat = weights.reshape(1, 1, -1, weights.shape[-1])
    scales = quantize_weights(flat)[1]
    codes = round_weights(flat, scales, x.feedback).reshape(weights.shape)
    lost = np.einsum("hwio,hwi->o", weights - codes * scales, x.means)
    of_zeros = np.einsum("hwio,i->o", codes.astype(np.float64), x.zeros)
    bias = (lost if product.b is None else lost + product.b) / scales - of_zeros
    return Rounded(codes, np.rint(bias).clip(-(2**30), 2**30).astype(np.int32), (scales / y_scale).astype(np.float32))


def _rounded(product: Product, x: Codes, y_scale: float) -> Rounded:
    s, weights = product.shape, _finite(product)
    codes, scales = quantize_weights(weights)
    for i, o in channel_groups(s):
        if by := x.feedback(i.start, i.stop):
            codes[..., o] = round_weights(weights[..., o], scales[o], by)
    bias = (np.zeros(s.cout) if product.b is None else product.b) + mean_error(weights - codes * scales, x.means, s)
    sums = np.rint(bias / (x.scale * scales)).clip(-(2**30), 2**30).astype(np.int32)
    return Rounded(codes, sums, (x.scale * scales / y_scale).astype(np.float32))


def _finite(product: Product) -> Array:
    """Its weights, which must be numbers: NaN and infinity have no codes."""
    found = product.weights()
    for name, a in (("weights", found), ("biases", product.b)):
        if a is not None and not np.isfinite(a).all():
            raise ValueError(f"compile: the {name} of {product.call.name!r} have NaN or infinite values, which have no codes")
    return found


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


def avg_pool(call: Call, x: NarrowMap, y: Map, scale: float) -> Call:
    """The means of the windows of `call`, in float32."""
    pool = changed(call.settings["pool"], ldx=x.ld, ldy=y.ld)
    check_sum(call.name, pool)
    return call._replace(kernel=lib.MG_INT8_AVG_POOL2D, x=x, y=y, settings={"average": (pool, scale)})
