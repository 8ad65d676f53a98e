"""save_onnx of whole networks: names, outputs, metadata, and what it refuses."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import minigoog as mg
from tests.exporting.test_rules import computed

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")


def saved(folder, model, size, **settings):
    """The file of a model, and what onnx reads in it."""
    path = folder / "net.onnx"
    mg.save_onnx(model, path, size, **settings)
    return path, onnx.load(path)


def random(*shape):
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


LARGER = [
    ("small", {}), ("small", {"norm": True}), ("nin", {}), ("googlenet", {}), ("googlenet", {"variant": "torchvision"}), ("alexnet", {}),
]  # fmt: skip


def check(folder, name, settings):
    """Whether the file of a network computes what the network does."""
    mg.manual_seed(3)
    model, size = mg.models.build(name, **settings).eval(), mg.models.INPUT_SIZES[name]
    path, _ = saved(folder, model, size, probabilities=True)
    x = random(2, *size)
    with mg.no_grad():
        logits = model(mg.Tensor(x))
        expected = [logits.data, mg.ops.softmax(logits).data]
    for found, y in zip(computed(path, x), expected, strict=True):
        assert np.abs(found - y).max() <= 2e-5 * max(np.abs(y).max(), 1)


@pytest.mark.parametrize("name", ["tiny", "lenet5", "quick"])
def test_each_tiny_network_computes_the_same(tmp_path, name):
    check(tmp_path, name, {})


@pytest.mark.slow
@pytest.mark.parametrize("name, settings", LARGER)
def test_each_larger_network_computes_the_same(tmp_path, name, settings):
    pytest.importorskip("onnxruntime", reason="onnx's own evaluator takes minutes, and ONNX Runtime is not installed")
    check(tmp_path, name, settings)


def test_values_weights_and_outputs_have_the_names_of_modules(tmp_path):
    _, file = saved(tmp_path, mg.models.build("googlenet", num_classes=7), (224, 224, 3), probabilities=True)
    weights = {tensor.name: tuple(tensor.dims) for tensor in file.graph.initializer}
    names = {"conv1.weight", "conv1.bias", "inception3a.branch5x5.conv.weight", "classifier.weight", "classifier.bias"}
    assert names <= weights.keys() and weights["conv1.weight"] == (64, 3, 7, 7) and weights["classifier.weight"] == (7, 1024)
    values = [name for node in file.graph.node for name in node.output]
    assert {"conv1", "pool1", "inception3a.concat", "pool5"} <= set(values) and len(set(values)) == len(values)
    assert [output.name for output in file.graph.output] == ["logits", "probabilities"]
    [image] = file.graph.input
    shape = [axis.dim_param or axis.dim_value for axis in image.type.tensor_type.shape.dim]
    assert (image.name, shape) == ("image", ["N", 3, 224, 224])
    known = {value.name for value in [*file.graph.value_info, *file.graph.output]}
    assert set(values) == known, "each value's shape is written"


def test_the_file_is_for_old_readers_too(tmp_path):
    _, file = saved(tmp_path, mg.models.build("small"), (32, 32, 3))
    assert (file.opset_import[0].version, file.ir_version) == (13, 7)
    assert {node.op_type for node in file.graph.node}.isdisjoint({"Transpose", "Dropout", "BatchNormalization"})
    assert not any(attribute.name == "ceil_mode" for node in file.graph.node for attribute in node.attribute)


def test_heads_are_further_outputs_if_asked_for(tmp_path):
    model = mg.models.build("googlenet", num_classes=3)
    path, file = saved(tmp_path, model, (224, 224, 3), heads=True)
    assert [output.name for output in file.graph.output] == ["logits", "aux_4a", "aux_4d"]
    assert model.training, "the mode of the model is what it was"
    with pytest.raises(ValueError, match=r"averages 14x14 pixels to 4x4.*leave such heads out"):
        mg.save_onnx(mg.models.build("googlenet", variant="torchvision"), path, (224, 224, 3), heads=True)


@pytest.mark.parametrize(("model", "size"), [(mg.models.build("tiny"), (8, 8, 1)), (mg.models.GoogLeNet(aux_heads=False), (224, 224, 3))])
def test_heads_of_a_network_without_heads_are_refused(tmp_path, model, size):
    with pytest.raises(ValueError, match=f"`heads` is True, expected False: this {type(model).__name__} has no auxiliary heads"):
        mg.save_onnx(model, tmp_path / "net.onnx", size, heads=True)
    assert not list(tmp_path.iterdir())


def test_a_loaded_model_brings_its_size_classes_and_preprocessing(tmp_path):
    model = mg.models.build("tiny").eval()
    model.classes, model.preprocess = ("one", "two"), SimpleNamespace(input_size=(8, 8, 1), as_json=lambda: '{"mean": [3.0]}')
    _, file = saved(tmp_path, model, None)
    assert {p.key: json.loads(p.value) for p in file.metadata_props} == {"classes": ["one", "two"], "preprocess": {"mean": [3.0]}}


def test_a_weight_that_two_layers_share_is_written_once(tmp_path):
    class Twice(mg.nn.Module):
        def __init__(self):
            self.conv = mg.nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x))

    path, file = saved(tmp_path, model := Twice(), (5, 5, 4))
    assert sorted(tensor.name for tensor in file.graph.initializer) == ["conv.bias", "conv.weight"]
    x = random(2, 5, 5, 4)
    [found] = computed(path, x)
    np.testing.assert_allclose(found, model(mg.Tensor(x)).data.transpose(0, 3, 1, 2), rtol=1e-4, atol=1e-6)


def test_what_it_refuses(tmp_path):
    model = mg.models.build("tiny")
    with pytest.raises(ValueError, match=re.escape("save_onnx: `input_size` is missing, expected (height, width, channels)")):
        mg.save_onnx(model, tmp_path / "net.onnx")
    with pytest.raises(RuntimeError, match="nothing is recorded under no_grad"), mg.no_grad():
        mg.save_onnx(model, tmp_path / "net.onnx", (8, 8, 1))
    with pytest.raises((TypeError, ValueError), match="`heads` is 1, expected True or False"):
        mg.save_onnx(model, tmp_path / "net.onnx", (8, 8, 1), heads=1)
    assert not list(tmp_path.iterdir())


def test_without_the_package_the_error_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "import minigoog as mg; mg.save_onnx(mg.models.build('tiny'), 'net.onnx', (8, 8, 1))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert "ModuleNotFoundError: ONNX files need the package onnx: pip install 'minigoog[onnx]'" in done.stderr
