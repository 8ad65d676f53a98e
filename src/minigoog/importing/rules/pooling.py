"""Pools, and means over all pixels."""

import math

from ... import ops
from ...formats.graph import Node
from ..attributes import axis_of, integer
from ..folding.table import axes_of
from ..resolver import Resolver, rule
from ..values import Value, from_memory, image_map, map_shape
from ..windows import NO_PADS, window_of
from .padding import without_padding


@rule("MaxPool")
def max_pool(r: Resolver, node: Node) -> Value:
    """The largest value of each window; padding is never read."""
    return _pool(r, node, ops.max_pool2d)


@rule("AveragePool")
def average_pool(r: Resolver, node: Node) -> Value:
    """The mean of each window, over the pixels inside the map, or also those of the padding."""
    return _pool(r, node, ops.avg_pool2d, counts=bool(integer(node, "count_include_pad", 0)))


def _pool(r: Resolver, node: Node, function: object, counts: bool = False) -> Value:
    x, ceil = r.value(node), bool(integer(node, "ceil_mode", 0))
    n, c, h, w = map_shape(x)
    window = window_of(node, (h, w))
    source, pads = without_padding(x, -math.inf)
    whole = window.padded(pads)
    if function is ops.max_pool2d and not ceil and all(whole.pads[i] < window.extent(i % 2) for i in range(4)):
        x, window = source, whole
        n, c, h, w = map_shape(x)
    image = r.image(x)
    shape = (n, window.windows(0, h, ceil), window.windows(1, w, ceil), c)
    settings = window.settings() | ({"ceil_mode": True} if ceil else {})
    settings |= {"count_include_pad": True} if counts and window.pads != NO_PADS else {}
    slot = r.add(node, function, [image], shape, kernel_size=window.kernel, **settings)  # type: ignore[arg-type]
    return image_map(slot, *shape)


@rule("GlobalAveragePool")
def global_average_pool(r: Resolver, node: Node) -> Value:
    """The mean of each channel."""
    n, c, *_ = _image(r.value(node)).shape
    return from_memory(r.add(node, ops.global_avg_pool2d, [r.image(r.value(node))], (n, c)), (n, c, 1, 1), [(0,), (1,)])


@rule("GlobalMaxPool")
def global_max_pool(r: Resolver, node: Node) -> Value:
    """The largest value of each channel."""
    n, c, h, w = _image(r.value(node)).shape
    return image_map(r.add(node, ops.max_pool2d, [r.image(r.value(node))], (n, 1, 1, c), kernel_size=(h, w)), n, 1, 1, c)


@rule("ReduceMean")
def reduce_mean(r: Resolver, node: Node) -> Value:
    """The mean over two axes of a map: that of each channel."""
    x = _image(r.value(node))
    axes = axes_of(node, r.constants(node), 1)
    found = sorted({axis_of(axis, 4) for axis in axes} if axes else set())
    rest = [axis for axis in range(4) if axis not in found]
    if len(found) != 2 or 0 in found:
        raise ValueError(f"a mean over the axes {axes}, expected the two axes of pixels")
    shape = x.shape
    index = r.arranged(x, [(rest[0],), (found[0],), (found[1],), (rest[1],)])
    slot = r.add(node, ops.global_avg_pool2d, [index], (shape[rest[0]], shape[rest[1]]))
    if not integer(node, "keepdims", 1):
        return from_memory(slot, (shape[rest[0]], shape[rest[1]]), [(0,), (1,)])
    return from_memory(slot, tuple(1 if axis in found else n for axis, n in enumerate(shape)), [(rest[0],), (rest[1],)])


def _image(x: Value) -> Value:
    if not math.prod(map_shape(x)[1:]):
        raise ValueError(f"a map without pixels {x.shape}")
    return x
