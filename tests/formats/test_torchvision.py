"""Weights in torchvision's form: the network that they give here is the network that they are there."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import googlenet_from_torchvision

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `dev`): torchvision's form was not tested")


@pytest.fixture(scope="module")
def theirs():
    from ..models.torch_googlenet import TorchGoogLeNet

    torch.manual_seed(0)
    model = TorchGoogLeNet(classes=50, torchvision=True)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 1.0, 2.0)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.1, 0.5)
    return model.eval()


@pytest.fixture
def state(theirs):
    return {name: value.numpy() for name, value in theirs.state_dict().items()}


@pytest.mark.parametrize("heads", [True, False])
def test_the_logits_are_those_of_the_network_with_batch_norm(theirs, state, heads):
    if not heads:
        state = {name: value for name, value in state.items() if not name.startswith("aux")}
    ours = mg.models.GoogLeNet(num_classes=50, variant="torchvision", aux_heads=heads)
    ours.load_state_dict(googlenet_from_torchvision(state))
    for _, module in ours.named_modules():
        if isinstance(module, mg.nn.Dropout):
            module.p = 0.0
    images = np.random.default_rng(0).standard_normal((1, 224, 224, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    with mg.no_grad():
        outputs = ours(mg.Tensor(images))
    for a, b in zip(outputs if heads else (outputs,), expected, strict=False):
        # folding rounds once more than BatchNorm; then as in test_against_pytorch.py
        assert np.linalg.norm(a.data - b.numpy()) < 2e-5 * np.linalg.norm(b.numpy())


def test_torchvisions_parameter_count_is_ours_with_two_numbers_for_each_channel_of_batch_norm(theirs):
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
        googlenet_from_torchvision(state)
