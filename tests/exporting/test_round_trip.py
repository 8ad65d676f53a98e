"""A network that is written and read again computes the same bits."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import onnx
from minigoog.importing import network
from tests.importing import judge

pytest.importorskip("onnx", reason="the package onnx is not installed")


def computed(model, x):
    """The outputs of a model in evaluation, as a list."""
    with mg.nn.evaluation_mode(model), mg.no_grad():
        y = model(mg.Tensor(x))
    return [t.data for t in (y if isinstance(y, tuple) else (y,))]


def check(path, model, size):
    """Writes a model, reads it, writes what was read, and reads that: the same bits, and the same names."""
    x = np.random.default_rng(4).standard_normal((2, *size)).astype(np.float32)
    expected, names = computed(model, x), None
    for _ in range(2):
        mg.save_onnx(model, path, size)
        model = network(onnx.load(path))
        for y, same in zip(computed(model, x), expected, strict=True):
            np.testing.assert_array_equal(y, same)
        assert names is None or names == list(model.state_dict())
        names = list(model.state_dict())


NETWORKS = [("tiny", {}), ("lenet5", {}), ("small", {"norm": True}), ("nin", {}), ("quick", {})]
LARGE = [("googlenet", {}), ("googlenet", {"norm": True}), ("googlenet", {"variant": "torchvision"}), ("alexnet", {})]


@pytest.mark.parametrize("name, settings", NETWORKS)
def test_the_bits_are_the_same(tmp_path, name, settings):
    mg.manual_seed(2)
    check(tmp_path / "net.onnx", mg.models.build(name, **settings), mg.models.INPUT_SIZES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name, settings", LARGE)
def test_the_bits_of_large_networks_are_the_same(tmp_path, name, settings):
    test_the_bits_are_the_same(tmp_path, name, settings)


@pytest.mark.parametrize("name", ["dogs19_mobilenetv2", "mtcnn_onet", "mtcnn_rnet"])
def test_the_bits_of_networks_of_others_are_the_same(tmp_path, name):
    model = network(onnx.load(judge.real(f"{name}.onnx")))
    check(tmp_path / "net.onnx", model, model.input_size)
