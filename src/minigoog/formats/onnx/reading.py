"""From a file to a Graph."""

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...reading import DamagedFile, known_kind, reading
from ...text import printable, short, shortened
from ..graph import FreeShape, Graph, Node
from .nodes import OWN_DOMAINS, described, node_of
from .spans import without_weights
from .tensors import Folder, array_of, contents

OLDEST, NEWEST = 7, 28  # opset: 7 removed the first rules of broadcasting
FLOATS = (0, 1, 10, 11, 16)  # element types of inputs: none stated, float32, float16, float64, bfloat16
ADVICE = "expected an ONNX model (.onnx)"


def load(path: str | os.PathLike[str]) -> Graph:
    """The network in an .onnx file. Weights of 4 KB and more stay in the file until they are used.

    Needs the package `onnx` (the extra `onnx`). DamagedFile, naming the file, for any other file, a damaged one, versions of the
    operations ("opset") other than 7 to 28, and what no network of this package has: operations of other domains, graphs within
    nodes, arithmetic on integers."""
    try:
        import onnx
    except ImportError:
        raise ImportError("onnx: .onnx files are read with the package onnx, not installed here: pip install 'minigoog[onnx]'") from None
    with reading(path, "not readable as ONNX", ADVICE):
        data = contents(path)
        lean, raw = without_weights(data)
        return _graph(_parsed(onnx.ModelProto, lean, data), raw, Path(path))


def _parsed(kind: Any, lean: bytes, data: memoryview) -> Any:
    """The parsed message; ValueError if it is none."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = kind.FromString(lean)
    except DecodeError:
        model = None
    if model is None or not model.HasField("graph"):
        found = known_kind(bytes(data[:16]))
        raise ValueError(f"it is {found}" if found else "it is no ONNX model")
    return model


def _graph(model: Any, raw: list[memoryview | None], path: Path) -> Graph:
    folder = Folder(path)
    opset = _opset(model)
    if model.graph.sparse_initializer:
        raise DamagedFile(f"{path}: sparse weights are not supported")
    weights = _weights(model.graph, raw, folder)
    inputs = {value.name: _shape(value) for value in model.graph.input if value.name not in weights}  # IR 3 lists weights too
    nodes = tuple(node_of(proto, lambda tensor: _named(tensor, folder)) for proto in model.graph.node)
    outputs = tuple(value.name for value in model.graph.output)
    _check_order(nodes, {*weights, *inputs}, outputs)
    metadata = {"producer": model.producer_name} | {entry.key: entry.value for entry in model.metadata_props}
    return Graph(nodes, weights, inputs, outputs, opset, metadata, str(path))


def _opset(model: Any) -> int:
    """The version of the operations; ValueError, with the number, if it is another than those that are read."""
    own = [entry.version for entry in model.opset_import if entry.domain in OWN_DOMAINS]
    if len(own) != 1 or not OLDEST <= own[0] <= NEWEST:
        given = f"opset {', '.join(map(str, own[:3]))}" if own else "no opset"
        raise ValueError(f"it has {given}, expected one from {OLDEST} to {NEWEST}")
    return int(own[0])


def _weights(graph: Any, raw: list[memoryview | None], folder: Folder) -> dict[str, NDArray[Any]]:
    weights: dict[str, NDArray[Any]] = {}
    for i, tensor in enumerate(graph.initializer):
        if tensor.name in weights:
            raise ValueError(f"two weights are called `{shortened(printable(tensor.name), 80)}`")
        weights[tensor.name] = _named(tensor, folder, raw[i] if raw else None)
    return weights


def _named(tensor: Any, folder: Folder, raw: memoryview | None = None) -> NDArray[Any]:
    """The array of a tensor; ValueError that names it."""
    try:
        return array_of(tensor, folder, raw)
    except (ValueError, OSError) as error:
        raise ValueError(f"weights `{shortened(printable(tensor.name), 80)}`: {error}") from None


def _shape(value: Any) -> FreeShape:
    """The shape of an input; one without any counts as an image."""
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or kind.elem_type not in FLOATS:
        raise ValueError(f"input `{shortened(printable(value.name), 80)}` is of type {kind.elem_type}, expected numbers with a fraction")
    if not kind.HasField("shape"):
        return (None,) * 4
    sizes = tuple(dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim)
    if any(n is not None and n >= 1 << 31 for n in sizes) or len(sizes) > 8:
        raise ValueError(f"input `{shortened(printable(value.name), 80)}` has shape {short(sizes)}")
    return sizes


def _check_order(nodes: tuple[Node, ...], given: set[str], outputs: tuple[str, ...]) -> None:
    """ValueError, naming the node, if one reads what no earlier one has written, or writes what is there."""
    for node in nodes:
        where = described(node.op, node.name, node.outputs)
        for name in node.inputs:
            if name and name not in given:
                raise ValueError(f"{where} reads `{shortened(printable(name), 80)}`, which no node before it writes")
        for name in filter(None, node.outputs):
            if name in given:
                raise ValueError(f"{where} writes `{shortened(printable(name), 80)}`, which is there already")
            given.add(name)
    for name in outputs:
        if name not in given:
            raise ValueError(f"its output `{shortened(printable(name), 80)}` is written by no node")
