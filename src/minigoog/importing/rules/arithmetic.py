"""Sums, differences, products and quotients: with constants they scale and shift channels, and become part of the layer before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...formats.graph import Node
from ..attributes import float_of
from ..folding import Constant
from ..modules import ChannelAffine, WithConstant
from ..pending import Affine, Vector, added
from ..resolver import Resolver, rule
from ..values import NHWC, Slot, Value, from_memory

OPERATIONS: dict[str, Callable[..., Any]] = {"Add": ops.add, "Sub": ops.sub, "Mul": ops.mul, "Div": ops.div}


def binary(r: Resolver, node: Node) -> Value:
    """Of two computed values, or of one and a constant."""
    if not r.is_constant(node, 0) and not r.is_constant(node, 1):
        return both(r, node, OPERATIONS[node.op], r.value(node, 0), r.value(node, 1))
    first = r.is_constant(node, 0)  # whether the constant is the first
    constant = r.constant(node, int(not first))
    x = _with_axes(r.value(node, int(first)), constant.ndim)
    found = channel_vector(x, constant)
    computed = node.inputs[int(not first)] not in r.parts.known  # from the size of the input: no part of weights, which serve all sizes
    by_number = computed and constant.size == 1 and not (first and node.op == "Div")
    if computed and not by_number:
        r.parts.check_same(node, constant)
    if found is None or (first and node.op == "Div"):
        return _with_array(r, node, x, constant, first)
    axis, vector = found
    with np.errstate(divide="ignore"):
        factor = {"Mul": vector, "Div": 1 / vector}.get(node.op, np.full(vector.size, -1.0 if first and node.op == "Sub" else 1.0))
    summand = {"Add": vector, "Sub": vector if first else -vector}.get(node.op)
    if by_number:
        return _by_number(r, node, x, factor, summand)
    return scaled(r, node, x, axis, factor, summand)


rule(*OPERATIONS)(binary)


@rule("Sum")
def sum_(r: Resolver, node: Node) -> Value:
    """Of any number of computed values, or of one and a constant."""
    if len(node.inputs) == 2:
        return binary(r, node._replace(op="Add"))
    total = r.value(node, 0)
    for i in range(1, len(node.inputs)):
        total = both(r, node, ops.add, total, r.value(node, i))
    return total


@rule("Pow", "Sqrt", "Reciprocal")
def power(r: Resolver, node: Node) -> Value:
    """To a constant power."""
    exponent = {"Sqrt": 0.5, "Reciprocal": -1.0}.get(node.op)
    if exponent is not None:
        return r.elementwise(node, ops.power, exponent=exponent)
    power = r.constant(node, 1)
    x = _with_axes(r.value(node), power.ndim)
    return x.at(r.add(node, ops.power, [r.tensor(x)], x.stored, exponent=float_of(power)))


def channel_vector(x: Value, constant: Constant) -> tuple[int, Vector] | None:
    """(axis, vector) if a constant, broadcast to a value's axes, differs along one axis only; a single number is one for any axis."""
    rank = len(x.shape)
    lengths = (1,) * (rank - constant.ndim) + constant.shape
    if len(lengths) > rank and constant.size > 1:
        return None
    varying = [axis for axis, n in enumerate(lengths[-rank:] if rank else ()) if n != 1]
    vector = constant.astype(np.float64).ravel()
    if constant.size == 1:
        last = x.last_axis()
        return (1 if rank == 4 and x.is_last(1) else rank - 1 if last is None else last), vector
    if len(varying) != 1 or constant.size != x.shape[varying[0]]:
        return None
    return varying[0], vector


def scaled(r: Resolver, node: Node, x: Value, axis: int, factor: Vector, summand: Vector | None) -> Value:
    """A value whose indices along an axis are scaled and moved: part of the layer before, or a layer of its own that is pending."""
    pending = x.slot.pending
    if isinstance(pending, Affine) and x.slot.index is None and not x.slot.shared and (x.is_last(axis) or factor.size == 1):
        return x.at(Slot(pending=pending.then(factor, summand)))
    if factor.size == 1 and not (x.axes and x.last_axis() is not None):
        return _by_number(r, node, x, factor, summand)
    if not x.is_last(axis):
        groups = NHWC if len(x.shape) == 4 and axis == 1 else [(i,) for i in range(len(x.shape)) if i != axis] + [(axis,)]
        x = x.ordered(Slot(r.arranged(x, groups)), groups)
    source = x

    def finish(scale: Vector, shift: Vector | None) -> int:
        shift = added(scale, shift)
        if (scale == scale[0]).all() and (shift == shift[0]).all() and (scale[0] == 1 or shift[0] == 0):
            return r.tensor(_by_number(r, node, source, scale, shift))
        module = r.parts.module(node, next((name for i, name in enumerate(node.inputs) if r.is_constant(node, i)), ""),
                                lambda: ChannelAffine(scale, shift))  # fmt: skip
        return r.step(module, [r.tensor(source)], source.stored)

    channels = source.stored[-1]
    scale, shift = _wide(factor, channels), None if summand is None else _wide(summand, channels)
    return source.at(Slot(pending=Affine(finish, scale, shift)))


def _wide(vector: Vector, channels: int) -> Vector:
    """A number for each channel, also if the vector has but one."""
    return np.broadcast_to(vector, channels).astype(np.float64)


def _by_number(r: Resolver, node: Node, x: Value, factors: Vector, summands: Vector | None) -> Value:
    """A value times a number, plus a number: the first of each, where all are the same."""
    index, factor, summand = r.tensor(x), float(factors[0]), 0.0 if summands is None else float(summands[0])
    if factor != 1 or not summand:
        index = _index(r.add(node, ops.mul, [index], x.stored, b=factor))
    if summand:
        index = r.step(ops.add, [index], x.stored, b=summand) if factor != 1 else _index(r.add(node, ops.add, [index], x.stored, b=summand))
    return x.at(Slot(index))


def _index(slot: Slot) -> int:
    assert slot.index is not None
    return slot.index


def both(r: Resolver, node: Node, function: Callable[..., Any], a: Value, b: Value) -> Value:
    """An operation on two computed values, whose axes of length 1 and missing first axes are broadcast."""
    if a.shape == b.shape and (a.sizes, a.axes, a.stored) == (b.sizes, b.axes, b.stored):
        return a.at(r.add(node, function, [r.tensor(a), r.tensor(b)], a.stored))
    rank = max(len(a.shape), len(b.shape))
    a, b = _with_axes(a, rank), _with_axes(b, rank)
    shape = np.broadcast_shapes(a.shape, b.shape)
    groups = NHWC if rank == 4 and a.is_last(1) | b.is_last(1) else tuple((axis,) for axis in range(rank))
    indices = [r.arranged(x, groups) for x in (a, b)]
    return from_memory(r.add(node, function, indices, tuple(shape[group[0]] for group in groups)), shape, groups)


def _with_axes(x: Value, rank: int) -> Value:
    """A value with axes of length 1 in front, until it has so many axes."""
    found = x.reshaped((1,) * (rank - len(x.shape)) + x.shape)
    assert found is not None
    return found


def _with_array(r: Resolver, node: Node, x: Value, constant: Constant, first: bool) -> Value:
    """An operation of a value and a constant that differs along several axes."""
    rank = len(x.shape)
    if constant.ndim > rank or np.broadcast_shapes(x.shape, constant.shape) != x.shape:
        raise ValueError(f"a constant of shape {constant.shape} with a value of shape {x.shape}")
    groups = NHWC if rank == 4 and x.is_last(1) else tuple((axis,) for axis in range(rank))
    full = constant.reshape((1,) * (rank - constant.ndim) + constant.shape).transpose([group[0] for group in groups])
    operation = OPERATIONS[node.op]
    function = _swapped(operation) if first else operation
    module = r.parts.module(node, "", lambda: WithConstant(function, np.ascontiguousarray(full)))
    return x.ordered(Slot(r.step(module, [r.arranged(x, groups)], x.lengths(groups))), groups)


def _swapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of two arguments with these exchanged."""

    def swapped(x: Any, y: Any) -> Any:
        return function(y, x)

    swapped.__name__ = function.__name__
    return swapped
