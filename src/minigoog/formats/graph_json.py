"""A graph without its large weights as a JSON object and a few arrays: what a saved model keeps of an imported network."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..text import short
from .graph import Graph, Node

PREFIX = "graph:"  # of the names of arrays: those of parameters have none, as a colon is in no name of an attribute
MOST_AXES = 32
KEYS = {"opset": int, "nodes": list, "weights": dict, "inputs": dict, "outputs": list}


def described(graph: Graph) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """(a JSON object, arrays by name) from which `rebuilt` makes the graph again.

    A weight of zeros that takes no memory (`placeholder`) stays one: its values are elsewhere."""
    arrays: dict[str, NDArray[Any]] = {}
    weights = {name: [array.dtype.str, list(array.shape)] for name, array in graph.weights.items() if is_placeholder(array)}
    arrays |= {PREFIX + name: np.asarray(array) for name, array in graph.weights.items() if name not in weights}
    nodes = [_node(i, node, arrays) for i, node in enumerate(graph.nodes)]
    inputs = {name: list(shape) for name, shape in graph.inputs.items()}
    return {"opset": graph.opset, "nodes": nodes, "weights": weights, "inputs": inputs, "outputs": list(graph.outputs)}, arrays


def rebuilt(description: Any, arrays: Mapping[str, NDArray[Any]], most: int, file: str = "") -> Graph:
    """The graph of `described`; ValueError or TypeError if the description is odd, or its placeholders have more than `most` values."""
    if not isinstance(description, dict):
        raise ValueError(f"its graph is {short(description)}, expected an object")
    for key, kind in KEYS.items():
        if type(description.get(key)) is not kind:
            raise ValueError(f"`{key}` of its graph is {short(description.get(key))}, expected {kind.__name__}")
    weights = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    for name, entry in description["weights"].items():
        weights[name] = _placeholder_of(entry)
        most -= weights[name].size
        if most < 0:
            raise ValueError(f"weights of shape {weights[name].shape} are more than its file has")
    nodes = tuple(_node_of(i, entry, weights) for i, entry in enumerate(description["nodes"]))
    inputs = {name: tuple(None if n is None else _count(n) for n in shape) for name, shape in description["inputs"].items()}
    outputs = _strings(description["outputs"])
    return Graph(nodes, weights, inputs, outputs, description["opset"], {}, file)


def placeholder(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    """Zeros of this shape that take no memory: for weights whose values are elsewhere."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def is_placeholder(array: NDArray[Any]) -> bool:
    """Whether this is what `placeholder` makes."""
    return array.size > 1 and not any(array.strides) and not array.flat[0]


def _node(i: int, node: Node, arrays: dict[str, NDArray[Any]]) -> list[Any]:
    """A node as a list; its arrays go to `arrays`."""
    attributes: dict[str, Any] = {}
    for name, value in node.attributes.items():
        if isinstance(value, np.ndarray):
            arrays[f"{PREFIX}:{i}:{name}"] = value
            value = {"array": f":{i}:{name}"}
        attributes[name] = list(value) if isinstance(value, tuple) else value
    return [node.op, list(node.inputs), list(node.outputs), attributes, node.name]


def _node_of(i: int, entry: Any, weights: dict[str, NDArray[Any]]) -> Node:
    if not isinstance(entry, list) or len(entry) != 5 or not isinstance(entry[3], dict):
        raise ValueError(f"node {i} of its graph is {short(entry)}, expected type, inputs, outputs, attributes and name")
    attributes = {name: _attribute(value, weights) for name, value in entry[3].items()}
    op, name = _strings([entry[0], entry[4]])
    return Node(op, _strings(entry[1]), _strings(entry[2]), attributes, name)


def _attribute(value: Any, weights: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        return weights.pop(value["array"])
    if isinstance(value, list):
        if not all(isinstance(part, (int, float, str)) for part in value):
            raise ValueError(f"an attribute is {short(value)}, expected numbers or texts")
        return tuple(value)
    if not isinstance(value, (int, float, str)):
        raise ValueError(f"an attribute is {short(value)}, expected a number, a text, or several")
    return value


def _placeholder_of(entry: Any) -> NDArray[Any]:
    dtype, shape = entry
    if not isinstance(shape, list) or len(shape) > MOST_AXES or math.prod(map(_count, shape)) > 2**40:
        raise ValueError(f"a weight has shape {short(shape)}, expected the lengths of its axes")
    if np.dtype(dtype).kind not in "fiub":
        raise ValueError(f"a weight is {short(dtype)}, expected numbers")
    return placeholder(tuple(shape), dtype)


def _count(n: Any) -> int:
    if type(n) is not int or not 0 <= n < 2**40:
        raise ValueError(f"an axis has length {short(n)}, expected an integer from 0 on")
    return n


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"its graph has {short(values)}, expected texts")
    return tuple(values)
