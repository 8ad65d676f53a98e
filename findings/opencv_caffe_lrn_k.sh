#!/usr/bin/env bash
# OpenCV 4.14.0: readNetFromCaffe ignores the `k` of Caffe's LRN layer. Whatever the prototxt says, the answer is that of k = 1.
#
# Seen for a layer LRN { local_size: 5 alpha: 0.5 beta: 0.75 k: K } and values of standard deviation 3, largest distance to Caffe's formula
# x / (k + alpha / local_size * (sum of squares over 5 channels)) ^ beta in float64:
#        k     OpenCV     ONNX Runtime 1.32.0 (LRN with bias = k)
#        1     2e-7       2e-7
#        2     0.38       1e-7
#        5     0.89       1e-7
#
# Why a good guess is wrong: `k` is a field of LRNParameter in caffe.proto, OpenCV parses the layer's other fields, its own LRN layer has a
# bias for ONNX, and no warning is printed. Networks after the AlexNet paper use k = 2; Caffe's model zoo uses the default, 1, so that the
# well-known files do not show it. So OpenCV is a judge of Caffe networks only where k is 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==4.14.0.94 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > lrn.py <<'PY'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

SIZE, ALPHA, BETA = 5, 0.5, 0.75
PROTOTXT = """
input: "data"
input_dim: 1 input_dim: 8 input_dim: 2 input_dim: 2
layer { name: "norm" type: "LRN" bottom: "data" top: "norm" lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 k: %g } }
"""
x = np.random.default_rng(0).standard_normal((1, 8, 2, 2)).astype(np.float32) * 3


def formula(k):
    squares = x.astype(np.float64) ** 2
    sums = np.stack([squares[:, max(0, c - 2) : c + 3].sum(axis=1) for c in range(8)], axis=1)
    return x / (k + ALPHA / SIZE * sums) ** BETA


def opencv(k):
    net = cv2.dnn.readNetFromCaffe(np.frombuffer((PROTOTXT % k).encode(), np.uint8))
    net.setInput(x)
    return net.forward()


def onnx_runtime(k):
    node = helper.make_node("LRN", ["x"], ["y"], size=SIZE, alpha=ALPHA, beta=BETA, bias=float(k))
    x_info, y_info = (helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy")
    model = helper.make_model(helper.make_graph([node], "g", [x_info], [y_info]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


for k in (1, 2, 5):
    errors = [float(abs(run(k) - formula(k)).max()) for run in (opencv, onnx_runtime)]
    same = np.array_equal(opencv(k), opencv(1))
    print(f"k = {k}: distance of OpenCV {errors[0]:.2g}, of ONNX Runtime {errors[1]:.2g}; OpenCV as for k = 1: {same}")
    assert same and errors[1] < 1e-6 and (errors[0] < 1e-6 if k == 1 else errors[0] > 0.1)
PY
venv/bin/python lrn.py
