"""Features at a layer inside a network."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.models import TinyInception


@pytest.fixture(scope="module")
def model():
    mg.manual_seed(0)
    return TinyInception(norm=True).eval()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((7, 8, 8, 1)).astype(np.float32)


def eager(model, images, modules):
    with mg.no_grad():
        x = mg.Tensor(images)
        for module in modules:
            x = module(x)
    return x.data


@pytest.mark.parametrize("batch_size", [2, 7, 32])
def test_the_features_of_a_layer_are_what_its_module_returns(model, images, batch_size):
    found = mg.extract(model, images, "inception2b", batch_size=batch_size)
    expected = eager(model, images, [model.conv1, model.inception2a, model.inception2b])
    assert found.shape == (7, 8, 8, 104) and found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("n", [1, 2, 5])
def test_batches_come_in_order_with_the_same_bits_for_any_number_of_threads(model, images, threads, n):
    expected = mg.extract(model, images[:2], "pool3", batch_size=2)
    threads(n)
    found = mg.extract(model, np.concatenate([images, images[:2]]), "pool3", batch_size=2)
    assert np.array_equal(found[-2:], found[:2]) and np.array_equal(found[:2], expected)
    assert np.array_equal(mg.extract(model, images, "pool3", batch_size=2), found[:7])


def test_an_error_in_a_step_of_a_plan_ends_the_batches(images, threads):
    class Odd(mg.Op):
        def forward(self, x):
            if (x > 1e30).any():
                raise ArithmeticError("too large")
            return x + 1

    class Network(mg.nn.Module):
        def __init__(self):
            self.conv = mg.nn.Conv2d(1, 1, 1)

        def forward(self, x):
            return self.conv(Odd()(x))

    threads(2)
    images = np.concatenate([images, images])
    images[9] = 1e31  # in the fifth batch
    with pytest.raises(ArithmeticError, match="too large"):
        mg.extract(Network().eval(), images, "conv", batch_size=2)


def test_a_part_of_a_module_and_the_whole_network_are_layers_too(model, images):
    inner = mg.extract(model, images, "inception2a.branch3x3.reduce")
    branch = model.inception2a.branch3x3.reduce
    assert np.allclose(inner, eager(model, images, [model.conv1, branch]), rtol=1e-5, atol=1e-5)
    logits = mg.extract(model, images, "classifier")
    assert np.allclose(logits, eager(model, images, [model]), rtol=1e-5, atol=1e-5)


class Grouped(mg.nn.Module):
    """Its `group` is never called itself, like the groups of an imported network."""

    def __init__(self):
        self.group = mg.nn.Module()
        self.group.conv, self.group.relu = mg.nn.Conv2d(1, 3, 1), mg.nn.ReLU()

    def forward(self, x):
        return mg.ops.global_avg_pool2d(self.group.relu(self.group.conv(x)))


def test_the_features_of_a_group_are_those_of_its_last_part(images):
    model = Grouped().eval()
    assert np.array_equal(mg.extract(model, images, "group"), eager(model, images, [model.group.conv, model.group.relu]))


def test_without_c_kernels_the_features_are_the_same(model, images, monkeypatch):
    with monkeypatch.context() as patch, mg.no_grad():
        patch.setattr(mg.kernels, "native", None)
        found = mg.extract(model, images, "pool3")
    assert np.allclose(found, mg.extract(model, images, "pool3"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 7])
def test_features_are_extracted_within_no_grad(images, batch_size):
    model = Grouped().eval()
    with mg.no_grad():
        found = mg.extract(model, images, "group", batch_size=batch_size)
    assert np.array_equal(found, mg.extract(model, images, "group", batch_size=batch_size))


def test_a_layer_is_found_as_caffe_writes_its_path(model, images):
    assert np.array_equal(mg.extract(model, images, "inception3a/branch1x1"), mg.extract(model, images, "inception3a.branch1x1"))
    with pytest.raises(ValueError, match=r"such as conv1\.conv, conv1\.norm"):
        mg.extract(model, images, "zzz")


def test_the_network_is_as_before(model, images):
    before = {name: dict(vars(module)) for name, module in model.named_modules()}
    mg.extract(model.train(), images, "inception3a")
    assert model.training and all(vars(module) == before[name] | {"_training": True} for name, module in model.named_modules())
    model.eval()


@pytest.mark.parametrize("layer, images, error, message", [
    ("inception2c", None, ValueError, r"extract: `layer` is 'inception2c', expected the name of a module, such as inception2b"),
    (3, None, ValueError, "`layer` is 3, expected the name of a module"),
    ("pool3", np.zeros((0, 8, 8, 1), np.float32), ValueError, "`images` has 0 images"),
    ("pool3", np.zeros((8, 8, 1), np.float32), ValueError, r"`images` has shape \(8, 8, 1\), expected \[n, h, w, c\]"),
    ("pool3", np.zeros((1, 8, 8, 1), np.uint8), TypeError, "`images` is uint8, expected the network's input"),
    ("pool3", "seven.png", TypeError, "`images` is str, expected the network's input"),
])  # fmt: skip
def test_wrong_arguments_are_named(model, layer, images, error, message):
    with pytest.raises(error, match=message):
        mg.extract(model, np.zeros((1, 8, 8, 1), np.float32) if images is None else images, layer)
