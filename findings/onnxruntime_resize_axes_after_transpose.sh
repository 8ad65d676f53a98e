#!/usr/bin/env bash
# ONNX Runtime 1.32.0: a Resize by the sizes of two axes is not loaded behind a Transpose, unless graph optimisations are off or basic.
#
# Seen for Transpose (perm 0, 3, 1, 2) -> Resize (sizes [13, 1], axes [2, 3], mode linear), opset 18, at the default level:
#        Node (...) Op (Resize) [ShapeInferenceError] Number of elements of input 'sizes' (0) does not match the number of axes (2) ...
# At the levels "disable all" and "basic" the same bytes load, and give what onnx's own evaluator gives. Resize alone, and Resize by four
# sizes without `axes` behind the same Transpose, load at every level.
#
# Why a good guess is wrong: onnx's checker finds the file valid with all shapes inferred, and `axes` exists since opset 18 so that an
# exporter need not know the number of images. An optimisation is expected to keep the meaning of a graph or to leave it alone; here the
# one that moves Transposes past a Resize makes a node that the same library's inference of shapes refuses, so that a valid network is no
# longer loaded by default. An exporter of networks with channels last, where each file begins with such a Transpose, meets it at its
# first upsampling.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > resize.py <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = np.random.default_rng(0).random((3, 9, 26, 2), np.float32)
LEVELS = {"off": ort.GraphOptimizationLevel.ORT_DISABLE_ALL, "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
          "default": ort.SessionOptions().graph_optimization_level}


def model(moved, **which):
    sizes, nodes = [13, 1] if which else [3, 2, 13, 1], []
    if moved:
        nodes.append(helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
    nodes.append(helper.make_node("Resize", ["t" if moved else "x", "", "", "sizes"], ["y"], mode="linear", **which))
    shape = x.shape if moved else (3, 2, 9, 26)
    info, out = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", shape), ("y", [None] * 4)))
    stored = numpy_helper.from_array(np.array(sizes, np.int64), "sizes")
    made = helper.make_model(
        helper.make_graph(nodes, "g", [info], [out], [stored]), opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def loads(made, level, feed):
    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = LEVELS[level], 4
    try:
        session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        assert "'sizes' (0) does not match" in str(error), error
        return False
    np.testing.assert_allclose(session.run(None, {"x": feed})[0], ReferenceEvaluator(made).run(None, {"x": feed})[0], atol=1e-5)
    return True


for moved in (False, True):
    for which in ({}, {"axes": [2, 3]}):
        for level in LEVELS:
            found = loads(model(moved, **which), level, x if moved else np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
            print(f"behind a Transpose: {moved}, sizes of {'two axes' if which else 'four'}, optimisations {level}: loads {found}")
            assert found == (not (moved and which and level == "default"))
PY
venv/bin/python resize.py
