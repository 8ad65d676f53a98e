"""A network of Caffe as a graph of ONNX's operations: which layers count, which values they read, what comes out."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ...reading import DamagedFile
from ...text import listed
from ..graph import FreeShape, Graph, Node
from .builder import Builder
from .convert import LAYERS, LOSSES
from .layers import DATA, LONGEST_SIDE, MOST_AXES, Layer, in_inference
from .schema import Message, one, part

Weights: TypeAlias = dict[str, NDArray[Any]]

OPSET = 17


def graph(net: Message, layers: list[Layer], file: str) -> Graph:
    """The graph of a network whose layers have their blobs.

    Data layers become the input, even those of training, where there is no other. A network that ends in losses, as in training, has
    one output: what the last of them compares with the labels (a Softmax, for SoftmaxWithLoss); other heads are left out. Else all
    values that no layer reads are outputs."""
    builder = Builder(dict(_inputs(net, layers, file)))
    for layer in layers:
        if in_inference(layer) and layer.type not in (*DATA, "Input", "Accuracy"):
            _add(builder, layer)
    outputs = builder.predictions[-1:] or builder.unread()
    if not outputs:
        raise DamagedFile(f"{file}: a network without outputs")
    nodes, weights, inputs = _needed(builder, outputs)
    metadata = {"producer": "caffe", "name": one(net, "name", "")} | dict(_pixels(layers))
    return Graph(tuple(nodes), weights, inputs, tuple(outputs), OPSET, metadata, file)


def _add(builder: Builder, layer: Layer) -> None:
    """Adds the nodes of a layer, and notes what its tops and bottoms are now."""
    if layer.type == "Silence":
        builder.read.update(builder.current[bottom] for bottom in layer.bottoms if bottom in builder.current)
    elif layer.type == "Split":
        builder.current |= dict.fromkeys(layer.tops, builder.value(layer))
    elif layer.type in LOSSES:
        builder.predictions.append(LOSSES[layer.type](builder, layer))
    elif layer.type in LAYERS:
        if len(layer.tops) != 1:
            layer.refuse(f"writes {len(layer.tops)} values, expected 1")
        builder.current[layer.tops[0]] = LAYERS[layer.type](builder, layer)
    else:
        layer.refuse(f"is of a type that minigoog does not have, expected one of {', '.join(LAYERS)}")


# ---- inputs ----


def _inputs(net: Message, layers: list[Layer], file: str) -> Iterator[tuple[str, FreeShape]]:
    """(name, shape) of each input: those that the network lists, those of Input layers, else the first of data layers."""
    names, shapes, dims = net.get("input", []), net.get("input_shape", []), net.get("input_dim", [])
    for i, name in enumerate(names):
        yield name, _free(shapes[i].get("dim", []) if i < len(shapes) else dims[4 * i : 4 * i + 4], file)
    inputs = [layer for layer in layers if layer.type == "Input" and in_inference(layer)]
    for layer in inputs:
        given = part(layer.message, "input_param").get("shape", [])
        for i, top in enumerate(layer.tops):
            yield top, _free(given[i if len(given) > 1 else 0].get("dim", []) if i < len(given) or len(given) == 1 else [], file)
    data = [layer for layer in layers if layer.type in DATA and layer.tops and not layer.bottoms]
    if not names and not inputs:
        for layer in [layer for layer in data if in_inference(layer)] or data[:1]:
            side = one(part(layer.message, "transform_param"), "crop_size", 0) or None
            yield layer.tops[0], _free([None, None, side, side], file)


def _free(dims: list[int | None], file: str) -> FreeShape:
    """A shape for any number of images; of a map of any size where none is given."""
    if len(dims) > MOST_AXES or not all(n is None or 0 < n < LONGEST_SIDE for n in dims):
        raise DamagedFile(f"{file}: an input has the shape {listed(dims)}, expected at most {MOST_AXES} positive integers")
    return (None, *dims[1:]) if dims else (None,) * 4


def _pixels(layers: list[Layer]) -> Iterator[tuple[str, str]]:
    """What data layers say about pixels: they become (pixel - mean) * scale."""
    for layer in layers:
        transform = part(layer.message, "transform_param")
        if layer.type in DATA and "mean_value" in transform:
            yield "mean", json.dumps(transform["mean_value"])
        if layer.type in DATA and "scale" in transform:
            yield "scale", json.dumps(one(transform, "scale", 1.0))


# ---- outputs ----


def _needed(builder: Builder, outputs: list[str]) -> tuple[list[Node], Weights, dict[str, FreeShape]]:
    """(nodes, weights, inputs) that the outputs depend on."""
    needed, nodes = set(outputs), []
    for node in reversed(builder.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            nodes.append(node)
    weights = {name: array for name, array in builder.weights.items() if name in needed}
    inputs = {name: _with_channels(name, shape, nodes, weights) for name, shape in builder.inputs.items() if name in needed}
    return nodes[::-1], weights, inputs


def _with_channels(name: str, shape: FreeShape, nodes: list[Node], weights: Weights) -> FreeShape:
    """A shape whose channels, where nothing gives them, are those that a convolution reads."""
    for node in nodes:
        if shape[1:2] == (None,) and node.op == "Conv" and node.inputs[0] == name:
            return (shape[0], weights[node.inputs[1]].shape[1] * node.attributes["group"], *shape[2:])
    return shape
