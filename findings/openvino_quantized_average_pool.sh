#!/usr/bin/env bash
# OpenVINO 2026.4.1, CPU: an average pool that counts its padding (count_include_pad=1) behind a DequantizeLinear whose zero point is not 0
# is padded with the code 0 instead of the value 0, whose code is the zero point: borders are wrong by up to the zero point.
#
# Seen for a map of ones, 3x3 windows of stride 1, one pixel of padding, scale 0.02, first row of the answer (inference precision f32):
#        zero point        exact; ONNX Runtime 1.32.0     OpenVINO
#           0 (uint8)       0.44  0.67  0.67  0.44         0.44  0.67  0.67  0.44
#         128 (uint8)       0.44  0.67  0.67  0.44        -0.98 -0.19 -0.19 -0.98
#        -100 (int8)        0.44  0.67  0.67  0.44         1.56  1.33  1.33  1.56, more than the largest value that is averaged
# A Pad node of its own in front of the pool gives the same wrong answer; with count_include_pad=0 it is right.
#
# Why a good guess is wrong: the pool stands between float32 tensors in the file, where padding with 0 has one meaning, and a convolution
# with padding behind the same DequantizeLinear is right. Fused into integers, the pool keeps its padding of 0 while 0 has become another
# value. Symmetric quantisation (zero point 0) and the unsigned codes behind a ReLU hide it. PyTorch's avg_pool2d counts the padding unless
# told otherwise, so the pooling branches of an Inception network with activations below 0 (a swish, a normalisation) have such a node.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > pool.py <<'PY'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

SCALE = 0.02


def network(kind, zero, operator="AveragePool", counted=1, own_pad=False):
    """x -> QuantizeLinear -> DequantizeLinear -> a mean of 3x3, as a pool or a convolution, with one pixel of padding."""
    values = {"scale": np.float32(SCALE), "zero": kind(zero)}
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"])]
    inputs, attributes = ["d"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    if own_pad:
        values["pads"] = np.array([0, 0, 1, 1, 0, 0, 1, 1])
        nodes.append(helper.make_node("Pad", ["d", "pads"], ["padded"]))
        inputs, attributes["pads"] = ["padded"], [0, 0, 0, 0]
    if operator == "Conv":
        values["weight"] = np.full((1, 1, 3, 3), 1 / 9, np.float32)
        inputs.append("weight")
    else:
        attributes["count_include_pad"] = counted
    nodes.append(helper.make_node(operator, inputs, ["y"], **attributes))
    graph = helper.make_graph(nodes, "pool", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9).SerializeToString()


def answers(model):
    """The first row in ONNX Runtime and in OpenVINO."""
    x = np.ones((1, 1, 4, 4), np.float32)
    peer = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return peer[0, 0, 0], compiled([x])[0][0, 0, 0]


exact = np.array([4, 6, 6, 4]) / 9
for kind, zero, options, right in ((np.uint8, 0, {}, True), (np.uint8, 128, {}, False), (np.int8, -100, {}, False),
                                   (np.uint8, 128, {"own_pad": True}, False), (np.uint8, 128, {"counted": 0}, True),
                                   (np.uint8, 128, {"operator": "Conv"}, True)):
    peer, seen = answers(network(kind, zero, **options))
    expected = np.ones(4) if options.get("counted") == 0 else exact
    print(f"{kind.__name__:6} zero point {zero:4} {options or ''}  ONNX Runtime {peer.round(2)}  OpenVINO {seen.round(2)}")
    assert np.abs(peer - expected).max() < 1e-6
    assert (np.abs(seen - expected).max() < SCALE) == right
PY
venv/bin/python pool.py
