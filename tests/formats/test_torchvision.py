"""Weights in torchvision's form: the network that they give here is the network that they are there."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import googlenet_from_torchvision
from tests.answers import asked

IMAGES = np.random.default_rng(0).standard_normal((1, 224, 224, 3)).astype(np.float32)


def drawn(rng, name, shape):
    """Values for an array of a state dict: what BatchNorm averages and scales by is positive and not 1."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        return rng.uniform(0.1, 0.5, shape).astype(np.float32)
    if name.endswith("bn.weight"):
        return rng.uniform(1, 2, shape).astype(np.float32)
    scale = 0.3 if len(shape) == 1 else (3 * np.prod(shape[1:])) ** -0.5
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def state_of(layout):
    """A state dict with these names and shapes: "conv1.conv.weight 64 3 7 7"."""
    rng = np.random.default_rng(1)
    pairs = ((name, tuple(map(int, shape))) for name, *shape in map(str.split, layout))
    return {name: drawn(rng, name, shape) for name, shape in pairs}


@asked("torch")
def pytorchs_network():
    """The layout of its state dict, and its logits in float64."""
    import torch

    from tests.models.torch_googlenet import TorchGoogLeNet

    model = TorchGoogLeNet(classes=50, torchvision=True)
    layout = [" ".join([name, *map(str, value.shape)]) for name, value in model.state_dict().items()]
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state_of(layout).items()})
    with torch.no_grad():
        logits = model.double().eval()(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).astype(np.float64)))
    return {"layout": layout, "logits": np.stack([a.numpy() for a in logits])}


@pytest.fixture(scope="module")
def whole_state():
    return state_of(pytorchs_network()["layout"].tolist())


@pytest.fixture
def state(whole_state):
    return dict(whole_state)


@pytest.mark.parametrize("heads", [True, False])
def test_the_logits_are_those_of_the_network_with_batch_norm(state, heads):
    if not heads:
        state = {name: value for name, value in state.items() if not name.startswith("aux")}
    ours = mg.models.GoogLeNet(num_classes=50, variant="torchvision", aux_heads=heads)
    ours.load_state_dict(googlenet_from_torchvision(state, transform_input=False).weights)
    for _, module in ours.named_modules():
        if isinstance(module, mg.nn.Dropout):
            module.p = 0.0
    with mg.no_grad():
        outputs = ours(mg.Tensor(IMAGES))
    for a, b in zip(outputs if heads else (outputs,), pytorchs_network()["logits"], strict=False):
        # folding rounds once more than BatchNorm; then as in test_against_pytorch.py
        assert np.linalg.norm(a.data - b) < 2e-5 * np.linalg.norm(b)


def test_torchvisions_parameter_count_is_ours_with_two_numbers_for_each_channel_of_batch_norm():
    # torchvision.models.googlenet: 13,004,888 parameters with heads and 1,000 classes, 6,624,904 without (GoogLeNet_Weights docs)
    for heads, published in ((True, 13_004_888), (False, 6_624_904)):
        ours = mg.models.GoogLeNet(variant="torchvision", aux_heads=heads)
        biases = sum(p.size for name, p in ours.named_parameters() if name.endswith("bias") and p.size != 1000 and "hidden" not in name)
        assert sum(p.size for p in ours.parameters()) + biases == published


@pytest.mark.parametrize("change, message", [
    (lambda s: s.pop("inception4a.branch2.1.bn.running_var"), r"missing `inception4a\.branch2\.1\.bn\.running_var`"),
    (lambda s: s.update(extra=np.zeros(1)), r"unknown `extra`"),
    (lambda s: s.update({"conv1.bn.bias": np.zeros(3)}), r"`conv1\.bn\.bias` has shape \(3,\), expected \(64,\)"),
    (lambda s: s.update({"conv1.conv.weight": np.zeros(3)}), r"`conv1\.conv\.weight` has shape \(3,\), expected \[out, in"),
])  # fmt: skip
def test_what_does_not_fit_is_named(state, change, message):
    change(state)
    with pytest.raises(ValueError, match=message):
        googlenet_from_torchvision(state, transform_input=False)
