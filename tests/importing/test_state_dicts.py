"""State dicts with the names of our networks: recognised, converted to our layout, and then the network that they were in PyTorch."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.importing.layouts import load_state
from minigoog.importing.state_dicts import recognise
from tests.answers import asked

from ..formats.test_torchvision import state_of

DIGITS = np.random.default_rng(0).standard_normal((4, 8, 8, 1)).astype(np.float32)
MAPS = np.random.default_rng(1).standard_normal((3, 6, 5, 4)).astype(np.float32)


def asked_of(torch, model, images):
    """The layout of a model's state dict, and its outputs in float64 with the values that `state_of` gives it."""
    layout = [" ".join([name, *map(str, value.shape)]) for name, value in model.state_dict().items()]
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state_of(layout).items()})
    with torch.no_grad():
        outputs = model.double().eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float64)))
    return {"layout": layout, "outputs": outputs.numpy()}


@asked("torch")
def pytorchs_tiny_network():
    """models.TinyInception as somebody would write it in PyTorch, with BatchNorm."""
    import torch
    from torch import nn

    class Conv(nn.Module):
        def __init__(self, cin, cout, size):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(cin, cout, size, padding=size // 2, bias=False), nn.BatchNorm2d(cout)

        def forward(self, x):
            return self.bn(self.conv(x)).relu()

    class Inception(nn.Module):
        def __init__(self, cin, c1, r3, c3, r5, c5, pool):
            super().__init__()
            self.branch1x1 = Conv(cin, c1, 1)
            self.branch3x3 = nn.ModuleDict({"reduce": Conv(cin, r3, 1), "conv": Conv(r3, c3, 3)})
            self.branch5x5 = nn.ModuleDict({"reduce": Conv(cin, r5, 1), "conv": Conv(r5, c5, 5)})
            self.branch_pool = nn.ModuleDict({"project": Conv(cin, pool, 1)})

        def forward(self, x):
            pairs = [branch["conv"](branch["reduce"](x)) for branch in (self.branch3x3, self.branch5x5)]
            pooled = nn.functional.max_pool2d(x, 3, 1, padding=1)
            return torch.cat([self.branch1x1(x), *pairs, self.branch_pool["project"](pooled)], 1)

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = Conv(1, 32, 3)
            self.inception2a, self.inception2b = Inception(32, 16, 16, 32, 8, 16, 16), Inception(80, 24, 24, 48, 8, 16, 16)
            self.inception3a, self.inception3b = Inception(104, 32, 32, 64, 8, 24, 24), Inception(144, 48, 32, 64, 8, 24, 24)
            self.classifier = nn.Linear(160, 7)

        def forward(self, x):
            x = nn.functional.max_pool2d(self.inception2b(self.inception2a(self.conv1(x))), 3, 2, ceil_mode=True)
            return self.classifier(self.inception3b(self.inception3a(x)).mean((2, 3)))

    return asked_of(torch, Tiny(), DIGITS)


@asked("torch")
def pytorchs_flattening_network():
    """Convolutions in groups, BatchNorm with an epsilon of its own, and a linear layer that reads a map."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.ModuleDict({"conv": nn.Conv2d(4, 6, 3, bias=False), "bn": nn.BatchNorm2d(6, eps=0.01)})
            self.second, self.fc = nn.Conv2d(6, 6, (2, 1), groups=2), nn.Linear(3 * 3 * 6, 5)

        def forward(self, x):
            return self.fc(torch.flatten(self.second(self.first["bn"](self.first["conv"](x))), 1))

    return asked_of(torch, Network(), MAPS)


class Network(mg.nn.Module):
    """The same here: no BatchNorm."""

    def __init__(self):
        self.first, self.second = mg.nn.Conv2d(4, 6, 3), mg.nn.Conv2d(6, 6, (2, 1), groups=2)
        self.fc = mg.nn.Linear(3 * 3 * 6, 5)

    def forward(self, x):
        return self.fc(mg.ops.flatten(self.second(self.first(x))))


def outputs_of(model, images):
    with mg.no_grad():
        return model.eval()(mg.Tensor(images)).data


def assert_close(found, expected):
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_network_in_pytorch_with_our_names_is_recognised_and_gives_the_same(prefix):
    answer = pytorchs_tiny_network()
    found = recognise({prefix + name: array for name, array in state_of(answer["layout"].tolist()).items()})
    assert found[:2] == ("tiny", {"num_classes": 7, "in_channels": 1, "norm": True}) and found.preprocess is None
    model = mg.models.build(found.model, **found.arguments)
    model.load_state_dict(found.weights)
    assert_close(outputs_of(model, DIGITS), answer["outputs"])


def test_the_same_without_batch_norm_here_has_it_folded_in():
    answer, model = pytorchs_tiny_network(), mg.models.TinyInception(num_classes=7)
    load_state(model, state_of(answer["layout"].tolist()))
    assert_close(outputs_of(model, DIGITS), answer["outputs"])


def test_groups_an_epsilon_and_a_flattened_map():
    answer, model = pytorchs_flattening_network(), Network()
    state = state_of(answer["layout"].tolist())
    load_state(model, state, epsilon=0.01, flattened={"fc": (3, 3, 6)})
    assert_close(outputs_of(model, MAPS), answer["outputs"])
    load_state(model, state, epsilon=0.01)
    assert np.abs(outputs_of(model, MAPS) - answer["outputs"]).max() > 0.1  # order C, H, W read as H, W, C


SETTINGS = {  # what a state dict tells
    "googlenet": {"num_classes": 3, "in_channels": 1, "variant": "torchvision", "aux_heads": False, "norm": False},
    "small": {"num_classes": 4, "in_channels": 3, "norm": True, "width": 20}, "tiny": {"num_classes": 2, "in_channels": 3, "norm": False},
    "nin": {"num_classes": 5, "in_channels": 3}, "lenet5": {}, "quick": {"num_classes": 5, "in_channels": 1, "width": 24},
}  # fmt: skip


def in_pytorchs_layout(array):
    return {4: lambda: array.transpose(3, 2, 0, 1), 2: lambda: array.T}.get(array.ndim, lambda: array)()


@pytest.mark.parametrize("layout", ["ours", "PyTorch's"])
@pytest.mark.parametrize("name", SETTINGS)
def test_each_network_of_ours_is_recognised_by_its_names(name, layout):
    own = mg.models.build(name, **SETTINGS[name]).state_dict()
    found = recognise(own if layout == "ours" else {key: in_pytorchs_layout(array) for key, array in own.items()})
    assert found[:2] == (name, SETTINGS[name]) and found.weights.keys() == own.keys()
    assert all(np.array_equal(found.weights[key], array) for key, array in own.items())


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"groups": 1}, {"groups": 2}])
def test_alexnet_is_recognised_and_its_flattened_map_is_put_in_order(settings):
    own = mg.models.AlexNet(num_classes=3, **settings).state_dict()
    theirs = {key: in_pytorchs_layout(array) for key, array in own.items()}
    c, h, w = np.unravel_index(np.arange(9216), (256, 6, 6))
    theirs["fc6.weight"] = own["fc6.weight"][(h * 6 + w) * 256 + c].T
    found = recognise(theirs)
    assert found[:2] == ("alexnet", {"num_classes": 3, "in_channels": 3, **settings})
    assert all(np.array_equal(found.weights[key], array) for key, array in own.items())


@pytest.mark.parametrize("change, message", [
    (lambda s: s.pop("inception3a.branch1x1.bias"), r"missing `inception3a\.branch1x1\.bias`"),
    (lambda s: s.update(extra=np.ones(2)), "unknown `extra`"),
    (lambda s: s.update({"inception3a.branch1x1.bias": np.ones(3)}), r"`inception3a\.branch1x1\.bias` has shape \(3,\), expected \(32,\)"),
    (lambda s: s.update({"inception2b.branch1x1.weight": np.ones((24, 80, 3, 3))}),
     r"has shape \(24, 80, 3, 3\), expected \(24, 80, 1, 1\)"),
    (lambda s: s.update({"conv1.weight": np.ones(3)}), r"`conv1\.weight` has shape \(3,\), expected 4 axes"),
    (lambda s: s.update({"classifier.bias": np.float32([np.nan] * 10)}), "`classifier.bias` has values that are not finite"),
    (lambda s: s.update({"classifier.bias": np.ones(10**6)}), "are more than its file has|has shape"),
    (lambda s: s.pop("classifier.bias"), "it has no `classifier.bias`"),
    (lambda s: [s.pop(name) for name in list(s)], "a state dict with no arrays, expected one of torchvision's GoogLeNet, or"),
    (lambda s: [s.pop(name) for name in list(s) if "2a" in name],
     "a state dict with `conv1.weight`, `conv1.bias`, .* and 37 more, expected one"),
])  # fmt: skip
def test_what_does_not_fit_is_named(change, message):
    state = {name: in_pytorchs_layout(array) for name, array in mg.models.TinyInception().state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        recognise(state)


def test_on_an_error_the_model_is_as_before():
    model = mg.models.TinyInception()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match="load_state: missing `conv1.bias`"):
        load_state(model, {name: array + 1 for name, array in before.items() if name != "conv1.bias"})
    assert all(np.array_equal(model.state_dict()[name], array) for name, array in before.items())
