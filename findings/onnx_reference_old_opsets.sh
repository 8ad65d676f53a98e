#!/usr/bin/env bash
# onnx 1.23.2: its evaluator (ReferenceEvaluator) gives files of opset 9 to 12 or 13 another batch normalisation and another softmax.
#
# Seen for x [2, 3, 2, 2] and one result, largest difference from the operation's own description, in NumPy:
#        operation                     opset     evaluator    ONNX Runtime 1.32.0
#        BatchNormalization            9, 13     0.10         2e-7
#        BatchNormalization            14, 15    1e-7         2e-7
#        Softmax, axis 1               9, 12     0.55         3e-8
#        Softmax, axis 1               13        0            6e-8
# The batch normalisation is exactly one by 0.9 times the stored statistics plus 0.1 times those of the batch; the softmax is over the
# channels of each pixel, where before opset 13 it is over all axes from `axis` on together. LogSoftmax and Hardmax are like Softmax.
# At opset 7 and 8 a BatchNormalization with one result, the form of inference, is a TypeError.
#
# Why a good guess is wrong: the evaluator is onnx's own answer to what a file means, and opset by opset it has classes of its own. A mix of
# stored and measured statistics is neither training nor inference, and near enough to the right result to look like rounding of a deep
# network; for rows [n, classes] the softmax agrees, so that usual classifiers do not show it. Files of the model zoo are of these opsets. So
# a second judge is needed below opset 14.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > opsets.py <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

r = np.random.default_rng(0)
x = r.standard_normal((2, 3, 2, 2)).astype(np.float32)
scale, bias, mean, variance = (a.astype(np.float32) for a in (r.uniform(0.5, 2, 3), r.normal(size=3), r.normal(size=3), r.uniform(0.5, 2, 3)))


def answers(operation, opset, inputs=(), **attributes):
    """The results of the evaluator and of ONNX Runtime for one node that reads x and these constants."""
    names = [f"c{i}" for i in range(len(inputs))]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    node = helper.make_node(operation, ["x", *names], ["y"], **attributes)
    graph = helper.make_graph([node], "one", value[:1], value[1:], [numpy_helper.from_array(a, n) for a, n in zip(inputs, names)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        own = ReferenceEvaluator(model).run(None, {"x": x})[0]
    except TypeError as error:
        own = error
    return own, session.run(None, {"x": x})[0]


def normalised(mean, variance):
    return (x - mean.reshape(3, 1, 1)) / np.sqrt(variance.reshape(3, 1, 1) + 1e-5) * scale.reshape(3, 1, 1) + bias.reshape(3, 1, 1)


def softmax(x, axes):
    e = np.exp(x - x.max(axes, keepdims=True))
    return e / e.sum(axes, keepdims=True)


def apart(a, b):
    return float(np.abs(a - b).max())


mixed = [0.9 * stored + 0.1 * measured for stored, measured in ((mean, x.mean((0, 2, 3))), (variance, x.var((0, 2, 3))))]
for opset in (9, 13, 14, 15):
    own, peer = answers("BatchNormalization", opset, (scale, bias, mean, variance))
    print("BatchNormalization", opset, apart(own, normalised(mean, variance)), apart(peer, normalised(mean, variance)))
    assert apart(peer, normalised(mean, variance)) < 1e-6
    assert apart(own, normalised(*mixed) if opset < 14 else normalised(mean, variance)) < 1e-6
assert apart(normalised(*mixed), normalised(mean, variance)) > 0.01
assert isinstance(answers("BatchNormalization", 7, (scale, bias, mean, variance))[0], TypeError)

for opset in (9, 12, 13):
    own, peer = answers("Softmax", opset, axis=1)
    expected = softmax(x, 1 if opset >= 13 else (1, 2, 3))
    print("Softmax", opset, apart(own, expected), apart(peer, expected))
    assert apart(peer, expected) < 1e-6 and apart(own, softmax(x, 1)) < 1e-6
    for operation in ("LogSoftmax", "Hardmax"):
        own, peer = answers(operation, opset, axis=1)
        assert (apart(own, peer) < 1e-5) == (opset >= 13)
PY
venv/bin/python opsets.py
