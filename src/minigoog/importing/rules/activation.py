"""Functions of single values, and softmax."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...formats.graph import Node
from ..attributes import axis_of, float_of, integer, number, text
from ..folding import Constant
from ..modules import PReLU
from ..resolver import Resolver, rule
from ..values import NHWC, Slot, Value
from .arithmetic import channel_vector

SETTINGS: dict[str, Callable[[Node], dict[str, Any]]] = {  # operation -> the settings of ours
    "LeakyRelu": lambda node: {"negative_slope": number(node, "alpha", 0.01)},
    "Elu": lambda node: {"alpha": number(node, "alpha", 1.0)},
    "HardSigmoid": lambda node: {"alpha": number(node, "alpha", 0.2), "beta": number(node, "beta", 0.5)},
    "Gelu": lambda node: {"approximate": text(node, "approximate", "none")},
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Relu": ops.relu, "LeakyRelu": ops.leaky_relu, "Elu": ops.elu, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh, "SiLU": ops.silu,
    "HardSigmoid": ops.hard_sigmoid, "HardSwish": ops.hard_swish, "Gelu": ops.gelu, "Neg": ops.neg,
}  # fmt: skip
HUGE = 3e38  # exporters write the largest float32 for no limit


@rule(*FUNCTIONS)
def activation(r: Resolver, node: Node) -> Value:
    """The function of this name."""
    return r.elementwise(node, FUNCTIONS[node.op], **(SETTINGS[node.op](node) if node.op in SETTINGS else {}))


@rule("Clip")
def clip(r: Resolver, node: Node) -> Value:
    """Limits, either of which may be absent; from 0 on it is ReLU."""
    low, high = _limit(r, node, 1, "min"), _limit(r, node, 2, "max")
    if low is None and high is None:
        return r.value(node)
    if low == 0 and high is None:
        return r.elementwise(node, ops.relu)
    return r.elementwise(node, ops.clip, low=low, high=high)


def _limit(r: Resolver, node: Node, i: int, name: str) -> float | None:
    """A limit of Clip: an attribute below opset 11, an input from 11 on."""
    if r.opset >= 11:
        stored = r.optional(node, i)
        limit = None if stored is None else float_of(stored)
    else:
        limit = number(node, name, 0) if name in node.attributes else None
    return None if limit is None or abs(limit) > HUGE else limit


@rule("PRelu")
def prelu(r: Resolver, node: Node) -> Value:
    """A slope for each channel, or one for all."""
    x, slope = r.value(node), r.constant(node, 1)
    found = channel_vector(x, slope)
    if found is None:
        raise ValueError(f"slopes of shape {slope.shape} on a value of shape {x.shape}, expected one for each channel")
    axis, vector = found
    if vector.size == 1:
        return r.elementwise(node, ops.leaky_relu, negative_slope=float(vector[0]))
    groups = channels_last(x, axis)
    index = r.arranged(x, groups)
    module = r.parts.module(node, node.inputs[1], lambda: PReLU(np.array(vector)))
    return x.ordered(Slot(r.step(module, [index], x.lengths(groups))), groups)


def channels_last(x: Value, axis: int) -> Sequence[tuple[int, ...]]:
    """The axes of a value, one after the other as they lie in memory if they do, with `axis` as the last."""
    rank = len(x.shape)
    if rank == 4 and axis == 1:
        return NHWC
    return [(i,) for i in range(rank) if i != axis] + [(axis,)]


@rule("Softmax", "LogSoftmax")
def softmax(r: Resolver, node: Node) -> Value:
    """Over one axis, or, below opset 13, over all axes from there on together."""
    x = r.value(node)
    rank = len(x.shape)
    function = ops.softmax if node.op == "Softmax" else ops.log_softmax
    axis = axis_of(integer(node, "axis", -1 if r.opset >= 13 else 1), rank)
    together = range(axis, rank) if r.opset < 13 else (axis,)
    rest = tuple(i for group in channels_last(x, axis) for i in group if i not in together)
    groups = [rest, tuple(together)]
    slot = r.add(node, function, [r.arranged(x, groups)], x.lengths(groups))
    return x.ordered(slot, groups)


@rule("Identity")
def identity(r: Resolver, node: Node) -> Value:
    """The value itself."""
    return r.value(node)


@rule("Cast")
def cast(r: Resolver, node: Node) -> Value:
    """The value itself, if it is cast to a kind of number with a fraction."""
    if integer(node, "to", 1) not in (1, 10, 11, 16):
        raise ValueError(f"a cast of a computed value to type {integer(node, 'to', 1)}, expected float")
    return r.value(node)


@rule("Dropout")
def dropout(r: Resolver, node: Node) -> Value:
    """The value itself: a file that drops values is in training mode."""
    training: Constant | None = r.optional(node, 2)
    if training is not None and training.any():
        raise ValueError("its training_mode is true: the file was exported in training mode, expected one for inference")
    return r.value(node)
