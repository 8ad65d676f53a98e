"""Arithmetic on constants."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...formats.graph import Node
from ..attributes import axis_of, integer, number
from .table import Constant, Inputs, axes_of, fold, given, limited, optional

TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float32,
         11: np.float64, 12: np.uint32, 13: np.uint64, 16: np.float32}  # fmt: skip


@fold("Cast")
def cast(node: Node, inputs: Inputs, opset: int) -> Constant:
    kind = integer(node, "to", 0)
    if kind not in TYPES:
        raise ValueError(f"a cast to type {kind}, expected numbers")
    return given(inputs, 0).astype(TYPES[kind], copy=False)


@fold("DequantizeLinear")
def dequantize(node: Node, inputs: Inputs, opset: int) -> Constant:
    """(x - zero point) * scale, one of each or one for each index of an axis."""
    x, scale, zero = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    if integer(node, "block_size", 0):
        raise ValueError("scales of blocks are not supported")
    shape = [1] * x.ndim
    if scale.size > 1:
        shape[axis_of(integer(node, "axis", 1), x.ndim)] = scale.size
    steps = x.astype(np.float32)
    if zero is not None:
        steps -= zero.astype(np.float32).reshape(shape)
    return steps * scale.astype(np.float32).reshape(shape)


def divided(a: Constant, b: Constant) -> Constant:
    """a / b; of integers rounded towards zero, as in C."""
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not b.all():
        raise ValueError("a division by 0")
    quotient = a // b
    return np.asarray(quotient + ((quotient * b != a) & (quotient < 0))).astype(a.dtype)


LARGEST = float(np.finfo(np.float32).max)
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": divided, "Pow": np.power, "Equal": np.equal, "Less": np.less,
    "Greater": np.greater, "And": np.logical_and, "Or": np.logical_or, "Mod": np.mod, "Min": np.minimum, "Max": np.maximum,
    "GreaterOrEqual": np.greater_equal, "LessOrEqual": np.less_equal,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "Floor": np.floor, "Ceil": np.ceil, "Round": np.round, "Sqrt": np.sqrt, "Neg": np.negative, "Abs": np.abs, "Not": np.logical_not,
    "Exp": np.exp, "Reciprocal": np.reciprocal,
}  # fmt: skip


@fold(*BINARY)
def binary(node: Node, inputs: Inputs, opset: int) -> Constant:
    a, b = given(inputs, 0), given(inputs, 1)
    limited(math.prod(np.broadcast_shapes(a.shape, b.shape)))
    with np.errstate(all="ignore"):
        return np.asarray(BINARY[node.op](a, b))


@fold(*UNARY)
def unary(node: Node, inputs: Inputs, opset: int) -> Constant:
    with np.errstate(all="ignore"):
        return np.asarray(UNARY[node.op](given(inputs, 0)))


@fold("Where")
def where(node: Node, inputs: Inputs, opset: int) -> Constant:
    arrays = [given(inputs, i) for i in range(3)]
    limited(math.prod(np.broadcast_shapes(*(array.shape for array in arrays))))
    return np.where(arrays[0].astype(bool), arrays[1], arrays[2])


@fold("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin")
def reduce(node: Node, inputs: Inputs, opset: int) -> Constant:
    function = {"ReduceProd": np.prod, "ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min}[node.op]
    array, axes = given(inputs, 0), axes_of(node, inputs, 1)
    found = None if axes is None else tuple(axis_of(axis, array.ndim) for axis in axes)
    result = function(array, axis=found, keepdims=bool(integer(node, "keepdims", 1)))  # type: ignore[operator]
    return np.asarray(result).astype(array.dtype)


@fold("Clip")
def clip(node: Node, inputs: Inputs, opset: int) -> Constant:
    array, low, high = given(inputs, 0), optional(inputs, 1), optional(inputs, 2)
    if opset < 11:
        return np.clip(array, number(node, "min", -LARGEST), number(node, "max", LARGEST))
    return array if low is None and high is None else np.clip(array, low, high)
