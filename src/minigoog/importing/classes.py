"""The same graph for another number of classes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.graph import Graph, Node
from ..formats.graph_json import placeholder
from ..text import printable, shortened

LAYERS = ("Gemm", "MatMul", "Conv")
PASSED = ("Add", "Softmax", "LogSoftmax", "Reshape", "Flatten", "Squeeze", "Identity", "GlobalAveragePool", "AveragePool", "ReduceMean",
          "Relu", "Transpose", "Dropout")  # nodes that may follow the last layer  # fmt: skip


def with_classes(graph: Graph, n: int) -> Graph:
    """The graph with `n` classes instead of those it has: the weights and bias of its last layer become zeros of other shapes; a ReLU
    after it (SqueezeNet) is left out, because it has no gradient at zeros.

    ValueError, naming the file, if its last layer is not Gemm, MatMul or Conv."""
    last, *after = _tail(graph)
    old = graph.weights[last.inputs[1]].shape[_axis(last)]
    weights = dict(graph.weights)
    weights[last.inputs[1]] = _resized(weights[last.inputs[1]], _axis(last), n)
    for name in [*last.inputs[2:], *(name for node in after if node.op == "Add" for name in node.inputs)]:
        if name in weights and old in weights[name].shape:
            weights[name] = _resized(weights[name], weights[name].shape.index(old), n)
    for node in after:
        if node.op == "Reshape" and node.inputs[1] in weights:
            target = np.asarray(weights[node.inputs[1]])
            weights[node.inputs[1]] = np.where(target == old, n, target)
    nodes = (node._replace(op="Identity") if node in after and node.op == "Relu" else node for node in graph.nodes)
    return replace(graph, weights=weights, nodes=tuple(nodes))


def _tail(graph: Graph) -> list[Node]:
    """The last layer and the nodes after it, up to the first result."""
    makers: Mapping[str, Node] = {name: node for node in graph.nodes for name in node.outputs}
    found: list[Node] = []
    name = graph.outputs[0]
    while name in makers:
        node = makers[name]
        found.insert(0, node)
        if node.op in LAYERS and node.inputs[1] in graph.weights:
            return found
        if node.op not in PASSED:
            break
        name = next((each for each in node.inputs if each in makers), "")
    what = f"{found[0].op} `{shortened(printable(found[0].name or found[0].outputs[0]), 80)}`" if found else "nothing"
    raise ValueError(f"{graph.file or 'with_classes'}: its last layer is {what}, expected one of {', '.join(LAYERS)} with stored weights")


def _axis(node: Node) -> int:
    """The axis of the classes in the weights of a layer."""
    return 0 if node.op == "Conv" or (node.op == "Gemm" and node.attributes.get("transB")) else 1


def _resized(array: NDArray[Any], axis: int, n: int) -> NDArray[Any]:
    shape = list(array.shape)
    shape[axis] = n
    return placeholder(tuple(shape), array.dtype)
