"""Operations on each value by itself. They keep the order of a row that was a map (`map_of`)."""

import math
from collections.abc import Callable

import numpy as np

from ..array_types import Array
from ..op import Op
from ..ops.activation import ELU, Clip, HardSigmoid, HardSwish, Sigmoid, SiLU
from ..ops.arithmetic import Add, AddScalar, Multiply, Power, Scale
from ..ops.channel_affine import ChannelAffine
from ..ops.gelu import GELU
from ..ops.prelu import PReLU
from ..ops.relu import LeakyReLU, ReLU, Tanh
from .writer import Writer

# Operations on each value alone, after which a row that was a map still is.
UNARY = (ReLU, LeakyReLU, Tanh, Clip, HardSigmoid, HardSwish, Sigmoid, SiLU, ELU, GELU)


def relu(writer: Writer, op: ReLU) -> None:
    _unary(writer, op, "Relu")


def leaky_relu(writer: Writer, op: LeakyReLU) -> None:
    _unary(writer, op, "LeakyRelu", alpha=op.negative_slope)


def prelu(writer: Writer, op: PReLU) -> None:
    writer.done(op, "PRelu", [writer.plain(op), writer.weight(op, 1, _for_channels(op), "slope")])


def clip(writer: Writer, op: Clip) -> None:
    x = writer.value(op)
    limits = [("low", op.low), ("high", op.high)]
    names = [_scalar(writer, op, role, number) if math.isfinite(number) else "" for role, number in limits]
    writer.done(op, "Clip", [x.name, *names], x.map_of)


def sigmoid(writer: Writer, op: Sigmoid) -> None:
    _unary(writer, op, "Sigmoid")


def hard_sigmoid(writer: Writer, op: HardSigmoid) -> None:
    _unary(writer, op, "HardSigmoid", alpha=op.alpha, beta=op.beta)


def hard_swish(writer: Writer, op: HardSwish) -> None:
    writer.needs(14)
    _unary(writer, op, "HardSwish")


def silu(writer: Writer, op: SiLU) -> None:
    x = writer.value(op)
    writer.done(op, "Mul", [x.name, writer.add(op, "Sigmoid", [x.name], part="sigmoid")], x.map_of)


def elu(writer: Writer, op: ELU) -> None:
    _unary(writer, op, "Elu", alpha=op.alpha)


def gelu(writer: Writer, op: GELU) -> None:
    writer.needs(20)
    _unary(writer, op, "Gelu", approximate=op.approximate)


def tanh(writer: Writer, op: Tanh) -> None:
    name = writer.plain(op)
    if op.slope != 1:
        name = writer.add(op, "Mul", [name, _scalar(writer, op, "slope", op.slope)], part="scaled")
    if op.gain == 1:
        writer.done(op, "Tanh", [name], writer.value(op).map_of)
        return
    name = writer.add(op, "Tanh", [name], part="squashed")
    writer.done(op, "Mul", [name, _scalar(writer, op, "gain", op.gain)], writer.value(op).map_of)


def add(writer: Writer, op: Add) -> None:
    writer.done(op, "Add", [writer.plain(op, 0), writer.plain(op, 1)])


def multiply(writer: Writer, op: Multiply) -> None:
    writer.done(op, "Mul", [writer.plain(op, 0), writer.plain(op, 1)])


def add_scalar(writer: Writer, op: AddScalar) -> None:
    _with_number(writer, op, "Add", op.number)


def scale(writer: Writer, op: Scale) -> None:
    _with_number(writer, op, "Mul", op.factor)


def power(writer: Writer, op: Power) -> None:
    _with_number(writer, op, "Pow", op.exponent)


def channel_affine(writer: Writer, op: ChannelAffine) -> None:
    layout = _for_channels(op)
    scaled = writer.add(op, "Mul", [writer.plain(op), writer.weight(op, 1, layout, "weight")], part="scaled")
    writer.done(op, "Add", [scaled, writer.weight(op, 2, layout, "bias")])


def _for_channels(op: Op) -> Callable[[Array], Array]:
    """From a vector with a number for each channel to an array that broadcasts to the output in the graph."""
    return lambda a: a[:, None, None] if op.y.ndim == 4 else a


def _unary(writer: Writer, op: Op, kind: str, **attributes: float | str) -> None:
    x = writer.value(op)
    writer.done(op, kind, [x.name], x.map_of, **attributes)


def _with_number(writer: Writer, op: Op, kind: str, number: float) -> None:
    x = writer.value(op)
    writer.done(op, kind, [x.name, _scalar(writer, op, "number", number)], x.map_of)


def _scalar(writer: Writer, op: Op, role: str, number: float) -> str:
    return writer.constant(f"{writer.names[op]}.{role}", np.array(number, np.float32))
