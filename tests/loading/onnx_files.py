"""Small networks as ONNX files, written by the onnx package."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra onnx): no file was made")
SIZE = 16  # pixels


def classifier(path, classes=3, size=SIZE, softmax=False, producer="pytorch", metadata=None, seed=0, channels=3):
    """conv -> bias and ReLU -> mean -> Gemm (-> Softmax): writes it to `path`, returns a function that computes it in float64."""
    generator = np.random.default_rng(seed)
    w, b = generator.standard_normal((6, channels, 3, 3)) / 3, generator.standard_normal(6) / 3
    v, c = generator.standard_normal((classes, 6)), generator.standard_normal(classes)
    helper, weights = onnx.helper, {"conv.weight": w, "conv.bias": b, "fc.weight": v, "fc.bias": c}
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1], name="conv"),
        helper.make_node("Relu", ["a"], ["b"]), helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "fc.weight", "fc.bias"], ["e"], transB=1, name="fc"),
        *([helper.make_node("Softmax", ["e"], ["f"])] if softmax else []),
    ]  # fmt: skip
    output = "f" if softmax else "e"
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", channels, size, size])],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, ["n", classes])],
        [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )  # fmt: skip
    save(path, graph, producer, metadata)

    def logits(x):
        padded = np.pad(np.float64(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        maps = np.maximum(np.einsum("nhwcij,ocij->nhwo", windows, np.float64(np.float32(w))) + b, 0)
        return maps.mean(axis=(1, 2)) @ v.T + c

    return logits


def save(path, graph, producer="pytorch", metadata=None):
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8, producer_name=producer)
    onnx.helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
