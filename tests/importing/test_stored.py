"""Weights of a loaded network stay in its file until they are used, and a plan packs them from there."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats.graph import Graph, Node
from minigoog.importing import network
from minigoog.nn.stored import StoredParameter

IMAGES = np.random.default_rng(0).standard_normal((2, 8, 8, 3), np.float32)


def small_graph() -> Graph:
    """Two convolutions, the second in two groups, and a linear layer on a flattened map."""
    rng = np.random.default_rng(1)
    shapes = {"a.weight": (160, 3, 3, 3), "b.weight": (8, 80, 1, 1), "c.weight": (5, 512)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = (
        Node("Conv", ("x", "a.weight"), ("a",), {"pads": (1, 1, 1, 1)}), Node("Relu", ("a",), ("r",)),
        Node("Conv", ("r", "b.weight"), ("b",), {"group": 2}), Node("Flatten", ("b",), ("f",)),
        Node("Gemm", ("f", "c.weight"), ("y",), {"transB": 1}),
    )  # fmt: skip
    return Graph(nodes, weights, {"x": (None, 3, 8, 8)}, ("y",), 13)


def test_a_plan_leaves_weights_where_they_are_and_computes_what_the_network_computes() -> None:
    model = network(small_graph())
    plan = mg.compile(model, IMAGES.shape)
    assert all(isinstance(p, StoredParameter) for p in model.parameters() if p.ndim > 1)
    expected = model(mg.Tensor(IMAGES)).data
    assert not any(isinstance(p, StoredParameter) for p in model.parameters())
    np.testing.assert_allclose(plan(IMAGES), expected, rtol=1e-4, atol=1e-4)


def test_a_plan_of_weights_in_memory_has_the_same_bits() -> None:
    stored, made = network(small_graph()), network(small_graph())
    made.state_dict()  # reads all of them
    np.testing.assert_array_equal(mg.compile(stored, IMAGES.shape)(IMAGES), mg.compile(made, IMAGES.shape)(IMAGES))


class Doubled(mg.nn.Module):
    """A network that computes with the values of a weight."""

    def __init__(self, inner: mg.nn.Module) -> None:
        self.inner = inner

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.inner(x) * float(self.inner.c.weight.data[0, 0])


def test_a_network_that_reads_the_values_of_a_weight_gets_them() -> None:
    model = Doubled(network(small_graph()))
    plan = mg.compile(model, IMAGES.shape)
    np.testing.assert_allclose(plan(IMAGES), model(mg.Tensor(IMAGES)).data, rtol=1e-4, atol=1e-4)


def test_a_stored_parameter_has_a_shape_and_is_set_pickled_and_trained_like_another() -> None:
    weight = network(small_graph()).c.weight
    assert (weight.shape, weight.ndim, weight.size, weight.dtype) == ((512, 5), 2, 2560, np.float32)
    assert isinstance(weight, StoredParameter)
    copied = pickle.loads(pickle.dumps(weight))
    np.testing.assert_array_equal(copied.data, weight.data)
    assert type(copied) is type(weight) is mg.nn.Parameter
    other = network(small_graph()).c.weight
    other.data = np.zeros((512, 5), np.float32)
    assert type(other) is mg.nn.Parameter and not other.data.any()


CHILD = """
import sys, numpy as np, minigoog as mg
from pathlib import Path
def peak():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")) * 1024
model = mg.load(sys.argv[1], preprocess="torchvision")
x = np.zeros((1, 16, 16, 3), np.float32)
before = peak()
plan = mg.compile(model, x.shape)
plan(x)
print(peak() - before, plan.program.constant_bytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_compiling_a_loaded_network_takes_little_more_memory_than_its_packed_weights(tmp_path: Path) -> None:
    helper = pytest.importorskip("onnx.helper")
    onnx = pytest.importorskip("onnx")
    w = np.random.default_rng(0).standard_normal((8192, 768)).astype(np.float32)  # 24 MiB: mapped
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "w"], ["y"], transB=1)]
    x, y = (helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 3, 16, 16]), ("y", [1, 8192])))
    graph = helper.make_graph(nodes, "g", [x], [y], [onnx.numpy_helper.from_array(w, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "wide.onnx")
    found = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "wide.onnx")], capture_output=True, text=True, check=True)
    grown, packed = map(int, found.stdout.split())
    assert packed >= w.nbytes
    assert grown < 1.4 * packed
