#!/usr/bin/env bash
# torch 2.14.1, ONNX Runtime 1.32.0, OpenVINO 2026.4.1: an exported nearest interpolation reads other pixels than the model did.
#
# Seen for F.interpolate(x, size=(1, out), mode="nearest") of a row 0, 1, ..., n - 1, exported by torch.onnx (Resize by sizes, asymmetric,
# floor), the columns that are read:
#        n, out     torch and integers, i * n // out     ONNX Runtime and OpenVINO
#        14, 2      0 7                                  0 6
#        21, 3      0 7 14                               0 6 13
#        28, 4      0 7 14 21                            0 6 13 21
#        35, 5      0 7 14 21 28                         0 6 13 21 27
# Of all 2,301 pairs with n < 40 and out < 60, both runtimes differ from the integers in 50, the same ones; torch in 6 others. To whole
# multiples of n (2, 3, ... times as many columns) nobody differs.
#
# Why a good guess is wrong: a factor of 7 is exact, copies of pixels cannot be rounded, and onnx's own evaluator agrees with torch on the
# exported file. The runtimes divide the column by the factor out / n as float32, 1 / 0.14285715 = 6.9999995, and round down; torch
# multiplies by n / out, which is exactly 7. So a segmentation's mask or a feature map that is made smaller by 7, 14 to 2 or 28 to 4, moves
# by a pixel with the runtime, for each such row and column, while bilinear resizing would differ by a rounding only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cat > nearest.py <<'PY'
import io
import warnings

import numpy as np
import onnx
import onnxruntime
import openvino
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

warnings.filterwarnings("ignore")
core = openvino.Core()
PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


def row(n):
    return np.arange(n, dtype=np.float32).reshape(1, 1, 1, n)


def in_torch(n, out):
    return torch.nn.functional.interpolate(torch.tensor(row(n)), size=(1, out), mode="nearest").numpy().ravel().astype(int).tolist()


def of_integers(n, out):
    return [i * n // out for i in range(out)]


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def exported(n, out):
    """What ONNX Runtime, OpenVINO and onnx's evaluator make of the exported module."""
    file = io.BytesIO()
    torch.onnx.export(torch.nn.Upsample(size=(1, out), mode="nearest"), (torch.zeros(1, 1, 1, n),), file, dynamo=False, input_names=["x"])
    model = file.getvalue()
    found = (session(model).run(None, {"x": row(n)})[0], core.compile_model(core.read_model(model), "CPU", PRECISE)([row(n)])[0],
             ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"x": row(n)})[0])
    return [np.asarray(y).ravel().astype(int).tolist() for y in found]


for n, out, seen in ((14, 2, [0, 6]), (21, 3, [0, 6, 13]), (28, 4, [0, 6, 13, 21]), (35, 5, [0, 6, 13, 21, 27])):
    runtime, vino, own = exported(n, out)
    print(f"{n} to {out}: torch {in_torch(n, out)}, ONNX Runtime {runtime}, OpenVINO {vino}, onnx {own}")
    assert in_torch(n, out) == own == of_integers(n, out) and runtime == vino == seen

inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, "n"]), helper.make_tensor_value_info("s", TensorProto.INT64, [4])]
node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
graph = helper.make_graph([node], "resize", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, "m"])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
runtime, vino = session(model), core.compile_model(core.read_model(model), "CPU", PRECISE)
other = {"torch": set(), "ONNX Runtime": set(), "OpenVINO": set()}
for n in range(1, 40):
    for out in range(1, 60):
        feeds = {"x": row(n), "s": np.array([1, 1, 1, out])}
        rows = in_torch(n, out), runtime.run(None, feeds)[0].ravel().tolist(), vino(feeds)[0].ravel().tolist()
        for name, read in zip(other, rows):
            if read != of_integers(n, out):
                other[name].add((n, out))
print({name: len(pairs) for name, pairs in other.items()})
assert other["ONNX Runtime"] == other["OpenVINO"] and len(other["OpenVINO"]) == 50 and len(other["torch"]) == 6
assert not other["torch"] & other["OpenVINO"]
assert not any(out % n == 0 for pairs in other.values() for n, out in pairs)
PY
venv/bin/python nearest.py
