"""Weights in torchvision's form: the network that they give here is the network that they are there."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import googlenet_from_torchvision, googlenet_to_torchvision, safetensors, torchvision
from tests.answers import asked

PIXELS = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
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


# ---- the library itself: its input, and its reading of what we write ----


def normalized(mean, std):
    return ((PIXELS - np.float32(mean)) / np.float32(std)).astype(np.float32)


def torchvisions_logits(state, transform_input):
    """What torchvision's network says to PIXELS, normalised as its weights' transforms do. Every name of the state dict has to fit."""
    import torch
    from torchvision.models import googlenet

    made = {"transform_input": transform_input, "init_weights": False, "aux_logits": any(name.startswith("aux") for name in state)}
    model = googlenet(num_classes=50, **made)
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    images = normalized(255 * np.float32([0.485, 0.456, 0.406]), 255 * np.float32([0.229, 0.224, 0.225])).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return {"logits": model.double().eval()(torch.from_numpy(images.astype(np.float64))).numpy()}


@asked("torchvision", True, False)
def torchvisions_network(transform_input):
    return torchvisions_logits(state_of(pytorchs_network()["layout"].tolist()), transform_input)


def ours_of(weights):
    with mg.rng.zeros(10**8):
        model = mg.models.GoogLeNet(num_classes=50, variant="torchvision")
    model.load_state_dict(weights)
    return model.eval()


def distance(model, images, logits):
    with mg.no_grad():
        return np.linalg.norm(model(mg.Tensor(images)).data - logits) / np.linalg.norm(logits)


@pytest.mark.parametrize("transform_input", [True, False])
def test_the_change_of_the_input_is_part_of_how_images_are_normalised(state, transform_input):
    found = googlenet_from_torchvision(state, transform_input=transform_input)
    logits, model = torchvisions_network(transform_input)["logits"], ours_of(found.weights)
    assert distance(model, normalized(found.mean, found.std), logits) < 2e-5
    assert distance(model, normalized(*torchvision.NORMALIZATION[not transform_input]), logits) > 0.1


def drawn_model(norm):
    """A network of ours whose every parameter is drawn."""
    with mg.rng.zeros(10**8):
        model = mg.models.GoogLeNet(num_classes=50, variant="torchvision", norm=norm)
    rng = np.random.default_rng(4)
    for name, array in model.state_dict().items():
        scaled = 0.1 if array.ndim == 1 else (2 / np.prod(array.shape[:-1])) ** 0.5
        positive = name.endswith(("norm.weight", "running_var"))
        array[...] = rng.uniform(0.5, 1.5, array.shape) if positive else scaled * rng.standard_normal(array.shape)
    return model.eval()


@pytest.fixture(scope="module")
def weights():
    return drawn_model(norm=False).state_dict()


@asked("torchvision", True, False)
def torchvisions_reading_of_ours(norm):
    return torchvisions_logits(googlenet_to_torchvision(drawn_model(norm).state_dict()), True)


@pytest.mark.parametrize("norm", [True, False])
def test_torchvision_computes_the_same_with_what_we_write_for_it(norm):
    model = drawn_model(norm)
    mean, std = googlenet_from_torchvision(googlenet_to_torchvision(model.state_dict()), transform_input=True)[1:]
    assert distance(model, normalized(mean, std), torchvisions_reading_of_ours(norm)["logits"]) < 2e-5


def test_there_and_back_are_the_same_bits(weights):
    back = googlenet_from_torchvision(googlenet_to_torchvision(weights), transform_input=True).weights
    assert back.keys() == weights.keys() and all(np.array_equal(back[name], array) for name, array in weights.items())


def test_a_batch_norm_that_only_adds_a_bias_is_exactly_that_in_float32(weights):
    for name, variance in googlenet_to_torchvision(weights).items():
        if name.endswith("running_var"):
            assert variance.dtype == np.float32 and (1 / np.sqrt(variance + np.float32(1e-3)) == np.float32(1)).all(), name


@pytest.mark.parametrize("change, message", [
    (lambda w: w.pop("conv1.bias"), r"missing `conv1\.bias`"), (lambda w: w.update(extra=np.zeros(1)), "unknown `extra`"),
    (lambda w: w.update({"inception3a.branch5x5.conv.weight": np.zeros((5, 5, 16, 32))}), "torchvision's network has no 5x5"),
])  # fmt: skip
def test_what_torchvision_does_not_have_is_named(weights, change, message):
    weights = dict(weights)
    change(weights)
    with pytest.raises(ValueError, match=f"googlenet_to_torchvision: .*{message}"):
        googlenet_to_torchvision(weights)


def test_a_file_is_read(state, tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.save(path, state)
    found, expected = (googlenet_from_torchvision(given, transform_input=True).weights for given in (path, state))
    assert found.keys() == expected.keys() and all(np.array_equal(found[name], array) for name, array in expected.items())
    path.write_bytes(b"\xff\xd8\xff\xe0 a photograph")
    with pytest.raises(ValueError, match=f"{path}: not a state dict of PyTorch: it is a JPEG image, expected a file of torch.save"):
        googlenet_from_torchvision(path, transform_input=True)


@pytest.mark.parametrize("flag", [None, 1, "no"])
def test_the_flag_is_true_or_false(state, flag):
    with pytest.raises(TypeError, match="`transform_input` is"):
        googlenet_from_torchvision(state, transform_input=flag)


def test_what_is_no_dictionary_is_said():
    for function in (lambda given: googlenet_from_torchvision(given, transform_input=True), googlenet_to_torchvision):
        with pytest.raises(TypeError, match="the weights are int, expected a dictionary of NumPy arrays"):
            function(3)


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
