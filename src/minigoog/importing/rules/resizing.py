"""Larger and smaller maps."""

import math

import numpy as np

from ... import ops
from ...array_types import Shape
from ...formats.graph import Node
from ..attributes import as_integers, axis_of, integer, integers, text
from ..folding import Constant
from ..resolver import Resolver, rule
from ..values import Slot, Value, image_map, map_shape

COORDINATES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
MODES = ("nearest", "linear")


@rule("Resize", "Upsample")
def resize(r: Resolver, node: Node) -> Value:
    """The size is given, or what it is multiplied by. Before opset 11 pixel i of the result is at i / scale."""
    x, old = r.value(node), node.op == "Upsample" or r.opset < 11
    n, c, h, w = map_shape(x)
    height, width, scale = _size(r, node, old, x.shape)
    settings = {"mode": text(node, "mode", "nearest"), "coordinates": "asymmetric", "rounding": "floor"}
    if not old:
        settings["coordinates"] = text(node, "coordinate_transformation_mode", "half_pixel")
        settings["rounding"] = text(node, "nearest_mode", "round_prefer_floor")
    _check(node, settings)
    if old and scale and settings["mode"] == "nearest" and min(scale) < 1:
        return _old_nearest(r, node, x, (height, width), scale)
    more = {} if scale is None else {"scale": scale}
    slot = r.add(node, ops.resize, [r.image(x)], (n, height, width, c), output_size=(height, width), **settings, **more)
    return image_map(slot, n, height, width, c)


def _old_nearest(r: Resolver, node: Node, x: Value, size: tuple[int, int], scale: tuple[float, float]) -> Value:
    """Before opset 11, as ONNX Runtime does it: along an axis that becomes shorter the next pixel, along a longer one the last."""
    n, c, h, w = x.shape
    rows, columns = ("ceil" if factor < 1 else "floor" for factor in scale)
    settings = {"mode": "nearest", "coordinates": "asymmetric"}
    shape = (n, size[0], w, c)
    slot = r.add(node, ops.resize, [r.image(x)], shape, output_size=shape[1:3], scale=(scale[0], 1.0), rounding=rows, **settings)
    shape = (n, *size, c)
    index = r.step(ops.resize, [r.tensor(image_map(slot, n, size[0], w, c))], shape, output_size=size, scale=(1.0, scale[1]),
                   rounding=columns, **settings)  # fmt: skip
    return image_map(Slot(index), *shape)


def _check(node: Node, settings: dict[str, str]) -> None:
    """ValueError for ways of resizing that ours does not have."""
    if settings["mode"] not in MODES or settings["coordinates"] not in COORDINATES:
        given = f"{settings['mode'][:40]} with {settings['coordinates'][:40]}"
        raise ValueError(f"resizing is {given}, expected {' or '.join(MODES)} with one of {', '.join(COORDINATES)}")
    if integer(node, "antialias", 0) or integer(node, "exclude_outside", 0):
        raise ValueError("antialias and exclude_outside are not supported")
    if text(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        raise ValueError("keep_aspect_ratio_policy is not supported, expected stretch")


def _size(r: Resolver, node: Node, old: bool, shape: Shape) -> tuple[int, int, tuple[float, float] | None]:
    """(height, width, scale or None) of the result for a map of this shape in the file."""
    size = shape[2:]
    scales = r.optional(node, 1 if old else 2)
    if not old and r.has(node, 3) and r.constant(node, 3).size:
        lengths = _spatial(node, np.array(as_integers(r.constant(node, 3))), shape[1])
        height, width = (size[i] if n is None else int(n) for i, n in enumerate(lengths))
        scale = None
    else:
        if scales is None:
            scales = np.array(node.attributes.get("scales", ()), np.float32)
        factors = [1.0 if factor is None else float(factor) for factor in _spatial(node, scales)]
        height, width = (math.floor(np.float32(n) * np.float32(factor)) for n, factor in zip(size, factors, strict=True))  # 10 by 2.3 is 23
        scale = (factors[0], factors[1])
    if not (0 < height <= 1 << 20 and 0 < width <= 1 << 20):
        raise ValueError(f"a result of {height}x{width} pixels")
    return height, width, scale


def _spatial(node: Node, values: Constant, channels: int = 1) -> list[float | None]:
    """The values for rows and columns, of those for the axes given or for all four; that of channels must be `channels`."""
    axes = integers(node, "axes") or (0, 1, 2, 3)
    if values.size != len(axes):
        raise ValueError(f"{values.size} sizes or scales for {len(axes)} axes")
    found = {axis_of(axis, 4): float(value) for axis, value in zip(axes, values.ravel(), strict=True)}
    images = found.get(0, 1) if values.dtype.kind == "f" else 1  # a file for one size of batch is read for any
    if images != 1 or found.get(1, channels) != channels:
        raise ValueError("images and channels are not resized")
    return [found.get(2), found.get(3)]
