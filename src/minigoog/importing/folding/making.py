"""Constants out of little: what a few bytes of a file could make large stays a view, or is refused."""

import math

import numpy as np

from ...formats.graph import Node
from ..attributes import as_integers, scalar
from .table import MOST, Constant, Inputs, fold, given, limited


@fold("Constant")
def constant(node: Node, inputs: Inputs, opset: int) -> Constant:
    """Its value, in one of its attributes."""
    kinds = {"value": None, "value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    found = [(kind, node.attributes[name]) for name, kind in kinds.items() if name in node.attributes]
    if len(found) != 1:
        raise ValueError("expected a value that is a tensor, or numbers")
    return np.asarray(found[0][1], found[0][0])


@fold("ConstantOfShape")
def constant_of_shape(node: Node, inputs: Inputs, opset: int) -> Constant:
    value = node.attributes.get("value", np.zeros(1, np.float32))
    return expanded(np.asarray(scalar(value)), as_integers(given(inputs, 0)))


def expanded(array: Constant, shape: tuple[int, ...]) -> Constant:
    """A view of an array in a larger shape."""
    if min(shape, default=0) < 0 or math.prod(shape) > MOST or len(shape) > 8:
        raise ValueError(f"it makes an array of shape {shape} out of few values")
    return np.broadcast_to(array, shape)


@fold("Expand")
def expand(node: Node, inputs: Inputs, opset: int) -> Constant:
    array, shape = given(inputs, 0), as_integers(given(inputs, 1))
    return expanded(array, np.broadcast_shapes(array.shape, shape))


@fold("Range")
def arange(node: Node, inputs: Inputs, opset: int) -> Constant:
    start, limit, delta = (scalar(given(inputs, i)) for i in range(3))
    if delta == 0:
        raise ValueError("its step is 0")
    limited(max(0, math.ceil((float(limit) - float(start)) / float(delta))))
    values: Constant = np.arange(start, limit, delta, given(inputs, 0).dtype)  # type: ignore[call-overload]
    return values


@fold("Tile")
def tile(node: Node, inputs: Inputs, opset: int) -> Constant:
    array, repeats = given(inputs, 0), as_integers(given(inputs, 1))
    if min(repeats, default=1) < 0 or len(repeats) != array.ndim:
        raise ValueError(f"repeats {repeats} of an array with {array.ndim} axes")
    limited(array.size * math.prod(repeats))
    return np.tile(array, repeats)
