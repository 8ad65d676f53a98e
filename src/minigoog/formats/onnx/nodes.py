"""Nodes of a file, and those that are refused: other domains, nodes with graphs inside, quantised arithmetic."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ...text import printable, short, shortened
from ..graph import Node

ToArray = Callable[[Any], NDArray[Any]]
OWN_DOMAINS = ("", "ai.onnx")
CONTROL = ("If", "Loop", "Scan", "SequenceMap")
QUANTISED = ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QuantizeLinear")
FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS = 1, 2, 3, 4, 5, 6, 7, 8  # AttributeProto.type
PYTHON: dict[int, Callable[[Any], Any]] = {
    FLOAT: lambda a: a.f, INT: lambda a: a.i, STRING: lambda a: a.s.decode(),
    FLOATS: lambda a: tuple(a.floats), INTS: lambda a: tuple(a.ints), STRINGS: lambda a: tuple(s.decode() for s in a.strings),
}  # fmt: skip


def node_of(proto: Any, to_array: ToArray) -> Node:
    """The Node of a NodeProto; ValueError, naming it, if it is none that this package could run."""
    where = described(proto.op_type, proto.name, proto.output)
    if proto.domain not in OWN_DOMAINS:
        raise ValueError(f"{where}: an operation of the domain {short(proto.domain)}, expected one of ONNX's own")
    if proto.op_type in CONTROL:
        raise ValueError(f"{where}: graphs within nodes are not supported (If, Loop, Scan), expected a network without them")
    if proto.op_type in QUANTISED:
        raise ValueError(f"{where}: arithmetic on integers is not supported (weights behind DequantizeLinear are)")
    attributes = {attribute.name: _value(attribute, where, to_array) for attribute in proto.attribute}
    return Node(proto.op_type, tuple(proto.input), tuple(proto.output), attributes, proto.name)


def described(op: str, name: str, outputs: Any) -> str:
    """How messages call a node: node `name` (Conv), by its first output if it has no name."""
    known = name or next((output for output in outputs if output), "")
    return f"node `{shortened(printable(known), 80)}` ({shortened(printable(op), 40)})"


def _value(attribute: Any, where: str, to_array: ToArray) -> Any:
    if attribute.ref_attr_name:
        raise ValueError(f"{where}: attributes of functions are not supported")
    if attribute.type == TENSOR:
        return to_array(attribute.t)
    if attribute.type not in PYTHON:
        raise ValueError(f"{where}: its attribute `{shortened(printable(attribute.name), 40)}` has the type {attribute.type}")
    return PYTHON[attribute.type](attribute)
