"""From a Graph to an ONNX file."""

from pathlib import Path
from typing import Any

import numpy as np

from ...files import atomic_write
from ...text import printable, shortened
from ..graph import FreeShape, Graph, Node

FLOAT = 1  # TensorProto.FLOAT
MOST_BYTES = (1 << 31) - 1  # of a file: protobuf's limit
IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10}  # opset -> the oldest that may name it
BATCH = "N"


def save(path: Path, graph: Graph) -> None:
    """Writes `graph` to `path`, atomically, after onnx's own checker has read it with inferred shapes.

    Weights are stored as they are, all float32 but the integers that shapes need. ValueError for a network of more than 2 GiB.
    Needs the package onnx."""
    model = _model(graph)
    size = sum(array.nbytes for array in graph.weights.values())
    if size > MOST_BYTES - (1 << 20):
        raise ValueError(f"save_onnx: the network has {size / 2**30:.1f} GiB of weights, expected less than 2 GiB in an ONNX file")
    _check(model)
    with atomic_write(path) as file:
        file.write(model.SerializeToString())


def _check(model: Any) -> None:
    """ValueError, on one line, if onnx's own checker refuses a graph."""
    onnx = _package()
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        why = shortened(printable(" ".join(str(error).split())), 300)
        raise ValueError(f"save_onnx: onnx's checker refuses the graph: {why}") from None


def _package() -> Any:
    """The package onnx; ModuleNotFoundError that names the extra."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise ModuleNotFoundError("ONNX files need the package onnx: pip install 'minigoog[onnx]'") from None
    return onnx


def _model(graph: Graph) -> Any:
    """`graph` as a ModelProto."""
    helper = _package().helper
    outputs = [_value(name, graph.shapes[name]) for name in graph.outputs]
    inner = [_value(name, shape) for name, shape in graph.shapes.items() if name not in graph.outputs]
    weights = [_package().numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in graph.weights.items()]
    inputs = [_value(name, shape) for name, shape in graph.inputs.items()]
    made = helper.make_graph([_node(node) for node in graph.nodes], "minigoog", inputs, outputs, weights, value_info=inner)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", graph.opset)], ir_version=IR_VERSIONS[graph.opset], producer_name="minigoog"
    )
    helper.set_model_props(model, dict(graph.metadata))
    return model


def _node(node: Node) -> Any:
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in node.attributes.items()}
    return _package().helper.make_node(node.op, node.inputs, node.outputs, name=shortened(node.name, 200), **attributes)


def _value(name: str, shape: FreeShape) -> Any:
    return _package().helper.make_tensor_value_info(name, FLOAT, [BATCH if n is None else n for n in shape])
