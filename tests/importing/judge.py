"""Networks of a few nodes, run here and by a judge, and how far apart the results are."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import importing
from minigoog.formats import onnx as reader

DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "onnx"
NCHW, NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
TOLERANCE = 1e-4  # of the largest value


def real(name):
    """A file of the data that are shared between projects; the test is skipped where they are not."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.name} is not in {DATA}: set MINIGOOG_DATA")
    return path


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def model(nodes, inputs, outputs, weights=None, opset=17, **facts):
    """A ModelProto. nodes: (op, inputs, outputs, attributes); inputs: {name: shape}; outputs: names."""
    from onnx import TensorProto, helper, numpy_helper

    made = [helper.make_node(op, ins, outs, name=f"n{i}", **attributes) for i, (op, ins, outs, attributes) in enumerate(nodes)]
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(made, "test", given, results, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **facts)


def imported(proto, path):
    """The network of a ModelProto, written to a file in the folder `path` first."""
    file = path / "network.onnx"
    file.write_bytes(proto.SerializeToString())
    return importing.network(reader.load(file))


def run(network, *arrays):
    """The results for inputs in the file's order (NCHW), in the file's order."""
    ours = [a.transpose(NHWC) if a.ndim == 4 and not last else a for a, last in zip(arrays, layouts(network), strict=True)]
    with mg.no_grad():
        ys = network(*(mg.Tensor(np.ascontiguousarray(a, np.float32)) for a in ours))
    return [y.data for y in (ys if isinstance(ys, tuple) else (ys,))]


def layouts(network):
    """For each input whether it is NHWC in the file."""
    return list(network._programs.channels_last.values())


def distance(got, expected, channels_last=False):
    """The largest difference, as a share of the largest value; maps are NHWC, so `expected` is moved, unless its channels are last."""
    if expected.ndim == 4 and not channels_last:
        expected = expected.transpose(NHWC)
    return _largest(got, expected) if got.shape == expected.shape else np.inf


def _largest(got, expected):
    return float(np.abs(got.astype(np.float64) - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30))


def onnxruntime_results(proto, *arrays, outputs=None):
    """What ONNX Runtime makes of the same inputs; the test is skipped where it is not installed."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = runtime.InferenceSession(proto if isinstance(proto, str) else proto.SerializeToString(), options)
    return session.run(outputs, dict(zip([i.name for i in session.get_inputs()], arrays, strict=True)))
