"""GoogLeNet's weights under torchvision's names, and back."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.exporting import save_torchvision
from minigoog.formats import googlenet_from_torchvision, safetensors


def test_the_file_is_read_back_as_the_same_network(tmp_path):
    mg.manual_seed(1)
    model = mg.models.GoogLeNet(num_classes=5, variant="torchvision", aux_heads=False)
    save_torchvision(model, tmp_path / "net.safetensors")
    found = googlenet_from_torchvision(tmp_path / "net.safetensors", transform_input=False).weights
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(found[name], array, rtol=2e-7, atol=1e-9, err_msg=name)


def test_the_file_says_that_its_weights_are_for_pytorch(tmp_path):
    """Loaders such as that of transformers refuse a file without it."""
    save_torchvision(mg.models.GoogLeNet(num_classes=2, variant="torchvision", aux_heads=False), tmp_path / "net.safetensors")
    assert safetensors.load(tmp_path / "net.safetensors")[1] == {"format": "pt"}


def test_other_networks_are_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="save_torchvision: `model` is TinyInception, expected GoogLeNet"):
        save_torchvision(mg.models.build("tiny"), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="paper|variant|shape"):
        save_torchvision(mg.models.GoogLeNet(num_classes=2), tmp_path / "net.safetensors")


@pytest.mark.slow
def test_torchvision_computes_the_same(tmp_path):
    torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    model = mg.models.GoogLeNet(num_classes=9, variant="torchvision").eval()
    save_torchvision(model, tmp_path / "net.safetensors")
    theirs = torchvision.models.googlenet(init_weights=False, num_classes=9, transform_input=False).eval()
    theirs.load_state_dict(load_file(tmp_path / "net.safetensors"))
    x = np.random.default_rng(2).standard_normal((2, 224, 224, 3)).astype(np.float32)
    with torch.no_grad():
        y = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(model(mg.Tensor(x)).data, y, rtol=1e-4, atol=1e-5 * np.abs(y).max())
