"""The network of a detector in two parts: the trunk, which stays as it was, and the tail, which is trained; one map between them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

from ...array_types import Array
from ...exporting import graph_of
from ...formats.graph import FreeShape, Graph, Node
from ...importing import ImportedNetwork, network
from ...loading import TrainedModel
from ...text import listed, short

AFTER = ("Softmax", "LogSoftmax", "Gemm", "MatMul", "Add", "Flatten", "Reshape", "Squeeze", "Dropout", "Identity", "AveragePool",
         "GlobalAveragePool", "ReduceMean")  # between the last map and the result  # fmt: skip


class Split(NamedTuple):
    """A network without its classifier. trunk: crops float32 [n, s, s, c] to a map; tail: from there to the last map."""

    trunk: ImportedNetwork
    tail: ImportedNetwork


def split(model: TrainedModel, size: int, frozen: str, setting: str = "frozen") -> Split:
    """The Split of a network from `minigoog.load`, for crops of `size` pixels, after the layer (or the group of layers) named `frozen`.

    ValueError, listing layers and naming the setting, if there is none of this name, or if later layers read anything else."""
    if model.preprocess.input_size[2] != 3:
        raise ValueError(f"split: the network reads images of {model.preprocess.input_size[2]} channel, expected 3, red, green and blue")
    graph = _graph(model, size)
    last, weights = _last_map(graph), model.state_dict()
    cut = _output(graph, frozen, last, setting)
    head = _part(graph, _needed(graph.nodes, cut), cut)
    nodes = _needed(graph.nodes, last, cut)
    made = {name for node in nodes for name in node.outputs} | graph.weights.keys() | {cut, ""}
    if strays := sorted({name for node in nodes for name in node.inputs} - made):
        raise ValueError(f"split: `{setting}` is {short(frozen)}, but layers after it also read {listed(strays)}")
    trunk = _with(network(head), weights)
    channels = trunk.output_shapes((1, size, size, model.preprocess.input_size[2]))[0][3]
    return Split(trunk, _with(network(replace(_part(graph, nodes, last), inputs={cut: (None, channels, None, None)})), weights))


def _graph(model: TrainedModel, size: int) -> Graph:
    """The network as a graph that takes images of any size; that of an imported one may name the size that it was made for."""
    imported = isinstance(model, ImportedNetwork)
    graph = model.graph if imported else graph_of(model, (size, size, model.preprocess.input_size[2]))
    return replace(graph, inputs={name: _any_size(shape) for name, shape in graph.inputs.items()})


def _any_size(shape: FreeShape) -> FreeShape:
    """The shape of a map NCHW of any height and width."""
    return (None, shape[1], None, None) if len(shape) == 4 else shape


def _with(part: ImportedNetwork, weights: dict[str, Array]) -> ImportedNetwork:
    """The part with the network's own weights, by their names."""
    own = part.state_dict()
    part.load_state_dict({name: array for name, array in weights.items() if name in own}, strict=False)
    return part


def _part(graph: Graph, nodes: Sequence[Node], output: str) -> Graph:
    read = {name for node in nodes for name in node.inputs}
    weights = {name: array for name, array in graph.weights.items() if name in read}
    return replace(graph, nodes=tuple(nodes), weights=weights, outputs=(output,), metadata={})


def _needed(nodes: Sequence[Node], output: str, known: str = "") -> list[Node]:
    """The nodes from which a value is computed, when another one is known."""
    needed, found = {output}, list[Node]()
    for node in reversed(nodes):
        if needed & set(node.outputs):
            found.insert(0, node)
            needed |= set(node.inputs) - {known}
    return found


def _last_map(graph: Graph) -> str:
    """The map that the classifier reads, before its mean is taken."""
    makers, name = {value: node for node in graph.nodes for value in node.outputs}, graph.outputs[0]
    while makers[name].op in AFTER:
        name = next((value for value in makers[name].inputs if value in makers), "")
        if not name:
            raise ValueError("split: the network has no map before its classifier, expected a convolutional network")
    return name


def _output(graph: Graph, frozen: str, last: str, setting: str) -> str:
    """What the last node of this name, or of a name that begins like it, makes."""
    wanted = frozen.replace("/", ".")
    names = [(node.name or node.outputs[0]).replace("/", ".") for node in graph.nodes]
    found = [i for i, name in enumerate(names) if name == wanted] or [i for i, name in enumerate(names) if name.startswith(f"{wanted}.")]
    if not found or graph.nodes[found[-1]].outputs[0] == last:
        raise ValueError(f"split: `{setting}` is {short(frozen)}, expected a layer before the last map: {listed(_near(wanted, names))}")
    return graph.nodes[found[-1]].outputs[0]


def _near(name: str, names: Iterable[str]) -> list[str]:
    groups = list(dict.fromkeys(each.partition(".")[0] for each in names))
    return get_close_matches(name, groups, 4) or groups[-6:]
