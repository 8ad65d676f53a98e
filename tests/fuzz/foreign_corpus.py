"""The corpus of files of other systems: PyTorch's, Caffe's, ONNX's."""

import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ..answers import stored
from ..formats import caffe_files, caffe_networks, torch_files
from ..formats.test_pth import file_of


def pths() -> dict[str, bytes]:
    made = {kind.replace(" ", "-"): pytorchs(kind) for kind in ("zip", "protocol 4", "checkpoint")}
    few = {"pair": pair(torch_files.archive), "wrapped": wrapped(torch_files.archive)}
    return made | few | {"half": half(), "v3": untyped(), "deflated": deflated()}


def legacy_pths() -> dict[str, bytes]:
    few = {"pair": pair(torch_files.legacy), "wrapped": wrapped(torch_files.legacy)}
    return few | {"legacy": pytorchs("legacy"), "old-model": pytorchs("old model", "pytorchs_other_file")}


def pytorchs(kind: str, question: str = "pytorchs_file") -> bytes:
    """A file that PyTorch wrote, from the stored answers."""
    return file_of(stored("formats.test_pth", question, kind))


def pair(file: Callable[[bytes], bytes]) -> bytes:
    """Two tensors in one storage."""
    one, other = torch_files.tensor((2, 3), (3, 1)), torch_files.tensor((2, 2), (1, 3), 1)
    return file(torch_files.dictionary(**{"module.a": one, "module.b": other}))


def wrapped(file: Callable[[bytes], bytes]) -> bytes:
    """A parameter, beside the other things of a checkpoint."""
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + torch_files.tensor((6,), (1,)) + b"\x88" + torch_files.ORDERED + b"tR"
    facts = {"epoch": b"K\x07", "best": b"G" + struct.pack(">d", 0.5), "names": b"](" + torch_files.text("cat") + b"eN\x86", "ok": b"\x88"}
    return file(torch_files.dictionary(**facts, state_dict=torch_files.dictionary(a=parameter)))


def half() -> bytes:
    storage = torch_files.storage(12, kind="torch\nBFloat16Storage")
    return torch_files.archive(torch_files.dictionary(a=torch_files.tensor((3,), (2,), 1, of=storage)), byteorder=b"little")


def untyped() -> bytes:
    storage = torch_files.storage(24, kind="torch.storage\nUntypedStorage")
    newest = {"function": "_rebuild_tensor_v3", "of": storage, "more": b"ctorch\nfloat8_e5m2\n"}
    return torch_files.archive(torch_files.dictionary(a=torch_files.tensor((2,), (1,), **newest)))


def deflated() -> bytes:
    return torch_files.archive(torch_files.dictionary(a=torch_files.tensor((2, 3), (3, 1))), method=zipfile.ZIP_DEFLATED)


def caffemodels() -> dict[str, bytes]:
    r = np.random.default_rng(0)
    few, inputs = caffe_networks.few_layers(r), {"data": (1, 3, 9, 9)}
    every, small = caffe_networks.every_layer(r), caffe_networks.small_networks(r)
    weights = [layer._replace(bottoms="", tops="", parameters={}) for layers, _ in small.values() for layer in layers if layer.blobs]
    return {
        "every": caffe_files.caffemodel(every, 2, "every", {"data": (1, 3, 19, 23)}),
        "v1": caffe_files.caffemodel(few, 1, "few", inputs), "v2": caffe_files.caffemodel(few, 2, "few", inputs),
        "unpacked": caffe_files.caffemodel(few, 1, "", inputs, packed=False),
        "double": caffe_files.caffemodel(few, 2, "", inputs, double=True),
        "trained": caffe_files.caffemodel(caffe_networks.as_trained(few, 9), 1),
        "weights": caffe_files.caffemodel(weights),
        **{name: caffe_files.caffemodel(layers, 2, name, given) for name, (layers, given) in small.items()},
    }  # fmt: skip


def prototxts() -> dict[str, bytes]:
    """For the file `weights` of "caffemodel", which `readers.py` reads beside them."""
    small = caffe_networks.small_networks(np.random.default_rng(0))
    made = {name: caffe_files.prototxt(layers, 2, name, given).encode() for name, (layers, given) in small.items()}
    trained = caffe_networks.as_trained([small["scaled"][0][0]._replace(bottoms="data")], 5)
    odd = b"# a comment\nname : 'a' \"b\\x41\" ; input: [ 'x', ] input_shape < dim: [1, 0x3, 04, 4] >\n"
    return made | {
        "v1": caffe_files.prototxt(caffe_networks.few_layers(np.random.default_rng(0))[1:4], 1, "few", {"conv": (1, 2, 7, 7)}).encode(),
        "trained": caffe_files.prototxt(trained).encode(), "odd": odd + made["up"].split(b"4\n", 2)[2],
    }  # fmt: skip


def onnxs() -> dict[str, bytes]:
    return {"classifier": classifier(), "spelled-out": spelled_out(), "large": large(), **few_nodes()}


def network(nodes: list[Any], size: list[Any], weights: dict[str, Any], opset: int) -> bytes:
    """An .onnx file of (op, inputs, outputs, attributes), its input `x`, its output `y`."""
    made = [helper.make_node(op, ins, outs, **attributes) for op, ins, outs, attributes in nodes]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", size), ("y", None)))
    stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(made, "seed", [x], [y], stored)
    proto: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()
    return proto


def classifier() -> bytes:
    """A small network of the usual operations."""
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", ["x", "c.weight", "c.bias"], ["a"], window), ("BatchNormalization", ["a", "s", "s", "m", "s"], ["b"], {}),
        ("Relu", ["b"], ["r"], {}), ("MaxPool", ["r"], ["p"], window | {"ceil_mode": 1}), ("Mul", ["p", "v"], ["q"], {}),
        ("AveragePool", ["q"], ["o"], {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("Concat", ["o", "o"], ["d"], {"axis": 1}), ("Flatten", ["d"], ["f"], {}),
        ("Gemm", ["f", "g.weight", "g.bias"], ["l"], {"transB": 1, "alpha": 0.5}), ("Softmax", ["l"], ["y"], {}),
    ]  # fmt: skip
    ones = {name: np.ones(4, np.float32) for name in ("c.bias", "s", "m")}
    weights = {"c.weight": np.ones((4, 3, 3, 3), np.float32), "v": np.ones((4, 1, 1), np.float16), "g.bias": np.ones(5, np.float32)}
    return network(nodes, ["n", 3, 8, 8], ones | weights | {"g.weight": np.ones((5, 32), np.float32)}, 13)


def spelled_out() -> bytes:
    """Constants in nodes, shapes that are computed, axes in another order, a resized map."""
    constants = {
        "w": np.ones((4, 2, 1, 1), np.float32), "z": np.array(0), "two": np.array([2]), "six": np.array([6]), "k": np.array([0]),
        "scales": np.array([1, 1, 2, 2], np.float32), "ends": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }  # fmt: skip
    nodes: list[Any] = [("Constant", [], [name], {"value": numpy_helper.from_array(array)}) for name, array in constants.items()]
    nodes += [
        ("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]}), ("Pad", ["t", "ends"], ["p"], {}), ("Conv", ["p", "w"], ["c"], {"group": 2}),
        ("Resize", ["c", "", "scales"], ["r"], {"mode": "nearest"}), ("Shape", ["r"], ["s"], {}), ("Gather", ["s", "z"], ["n"], {}),
        ("Unsqueeze", ["n", "k"], ["u"], {}), ("Slice", ["r", "two", "six", "two"], ["h"], {}),
        ("ReduceMean", ["h"], ["m"], {"axes": [2, 3]}),
        ("Split", ["m"], ["m1", "m2"], {"axis": 1}), ("Sigmoid", ["m1"], ["g"], {}), ("Mul", ["m1", "g"], ["b"], {}),
        ("Add", ["b", "m2"], ["a"], {}), ("Identity", ["a"], ["i"], {}),
        ("Concat", ["u", "two"], ["shape"], {"axis": 0}), ("Reshape", ["i", "shape"], ["y"], {}),
    ]  # fmt: skip
    return network(nodes, [1, 5, 5, 4], {}, 15)


def few_nodes() -> dict[str, bytes]:
    """Networks of one to three nodes."""
    kernel, four, half = np.ones((2, 4, 1, 1), np.float32), np.ones(4, np.float32), np.array(0.5, np.float16)
    parts: dict[str, tuple[list[Any], dict[str, Any], int]] = {
        "activations": ([("Clip", ["x", "", "h"], ["a"], {}), ("PRelu", ["a", "c"], ["b"], {}), ("HardSigmoid", ["b"], ["y"], {})],
                        {"h": half, "c": four.reshape(4, 1, 1)}, 11),
        "up": ([("ConvTranspose", ["x", "k"], ["y"], {"strides": [2, 2], "output_padding": [1, 1]})], {"k": kernel.reshape(4, 2, 1, 1)}, 9),
        "pools": ([("MaxPool", ["x"], ["a"], {"kernel_shape": [2, 1], "strides": [1, 2], "auto_pad": "SAME_LOWER"}),
                   ("GlobalAveragePool", ["a"], ["b"], {}), ("Squeeze", ["b"], ["y"], {"axes": [2, 3]})], {}, 8),
        "norms": ([("LRN", ["x"], ["a"], {"size": 3}), ("BatchNormalization", ["a", "f", "f", "f", "f"], ["y"], {})], {"f": four}, 9),
        "linear": ([("MatMul", ["x", "w"], ["a"], {}), ("Add", ["b", "a"], ["b2"], {}), ("LogSoftmax", ["b2"], ["y"], {"axis": -1})],
                   {"w": np.ones((4, 3), np.float64), "b": np.ones(3, np.float16)}, 13),
        "views": ([("DepthToSpace", ["x"], ["a"], {"blocksize": 2}), ("Transpose", ["a"], ["b"], {"perm": [0, 2, 3, 1]}),
                   ("Flatten", ["b"], ["y"], {})], {}, 11),
        "quantized": ([("DequantizeLinear", ["q", "s", "z"], ["k"], {}), ("Conv", ["x", "k"], ["y"], {})],
                      {"q": np.ones((2, 4, 1, 1), np.int8), "s": np.array(0.5, np.float32), "z": np.array(1, np.int8)}, 13),
        "resized": ([("Upsample", ["x", "s"], ["y"], {"mode": "linear"})], {"s": np.array([1, 1, 2, 1.5], np.float32)}, 9),
        "shape": ([("Shape", ["x"], ["a"], {}), ("Slice", ["a", "o", "t"], ["n"], {}), ("Concat", ["n", "m"], ["s"], {"axis": 0}),
                   ("Reshape", ["x", "s"], ["y"], {})], {"o": np.array([0]), "t": np.array([1]), "m": np.array([-1])}, 13),
    }  # fmt: skip
    return {name: network(nodes, ["n", 4, 4, 4], weights, opset) for name, (nodes, weights, opset) in parts.items()}


def large() -> bytes:
    """Weights of more than 4 KB, which are not parsed but stay in the file, beside small ones."""
    nodes = [("Flatten", ["x"], ["f"], {}), ("Gemm", ["f", "w", "b"], ["y"], {})]
    return network(nodes, [1, 4, 4, 4], {"b": np.ones(20, np.float32), "w": np.ones((64, 20), np.float32)}, 13)
