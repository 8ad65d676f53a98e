"""The whole of GoogLeNet against PyTorch: logits of all heads, the loss, and every gradient, from the same weights."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats.torchvision import BRANCHES, HEADS, MODULES, STEM

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `dev`): GoogLeNet was not compared with it")

# float64, on the reference kernels: the algebra. Rounding is 1e-16 a step, and no two values are so close that it decides between them.
# float32, on the kernels in use: two networks of 22 layers, each summing in its own order; one layer's relative L2 error is about 1e-6
# (Winograd) and the layers' errors add up. Where two values of a pooling window or a ReLU and its zero lie that close, the engines may
# decide differently, and a gradient goes another way: measured 1.8e-6 on AVX-512 and AVX2, 1.2e-3 on `plain`, which has such a flip.
BOUNDS = {"float64": {"output": 1e-12, "gradient": 1e-10}, "float32": {"output": 1e-5, "gradient": 5e-3}}


def names_in_torch():
    """(our convolution or linear layer, PyTorch's name, the 4x4x128 map that a head's first linear layer reads or None)."""
    pairs = [(ours, f"{theirs}.conv") for ours, theirs in STEM.items()]
    pairs += [(f"inception{m}.{ours}", f"inception{m}.{theirs}.conv") for m in MODULES for ours, theirs in BRANCHES.items()]
    for ours, theirs in HEADS.items():
        pairs += [(f"{ours}.conv", f"{theirs}.conv.conv"), (f"{ours}.hidden", f"{theirs}.fc1"), (f"{ours}.classifier", f"{theirs}.fc2")]
    return [*pairs, ("classifier", "fc")]


def in_torch_layout(name, array):
    """HWIO to OIHW, [in, out] to [out, in], and a head's pixels to channels first."""
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if array.ndim == 2 and name.endswith(".hidden.weight"):
        return array.reshape(4, 4, 128, -1).transpose(3, 2, 0, 1).reshape(-1, 2048)
    return array.T


@pytest.fixture(scope="module", params=BOUNDS)
def both(request):
    """Our network and PyTorch's after one forward and backward pass on the same images, and how far apart they may be."""
    with mg.kernels.use("reference" if request.param == "float64" else mg.kernels.backend):
        yield run_both(np.dtype(request.param), BOUNDS[request.param])


def run_both(dtype, bounds):
    from .torch_googlenet import TorchGoogLeNet

    mg.manual_seed(1)
    ours = mg.models.GoogLeNet(num_classes=100)
    for _, module in ours.named_modules():
        if isinstance(module, mg.nn.Dropout):
            module.p = 0.0
    for parameter in ours.parameters():
        parameter.data = parameter.data.astype(dtype)
    theirs = TorchGoogLeNet(classes=100).to(getattr(torch, dtype.name))
    parameters = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, other in names_in_torch():
            for part in ("weight", "bias"):
                array = ours.state_dict()[f"{name}.{part}"]
                parameters[f"{other}.{part}"].copy_(torch.from_numpy(np.array(in_torch_layout(f"{name}.{part}", array))))
    images = np.random.default_rng(2).standard_normal((2, 224, 224, 3)).astype(dtype)
    labels = np.array([3, 77])
    our_outputs = ours(mg.Tensor(images))
    our_loss = mg.losses.googlenet_loss(our_outputs, labels)
    our_loss.backward()
    outputs = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    losses = [torch.nn.functional.cross_entropy(y, torch.from_numpy(labels)) for y in outputs]
    loss = losses[0] + 0.3 * losses[1] + 0.3 * losses[2]
    loss.backward()
    return ours, our_outputs, our_loss, parameters, outputs, loss, bounds


def relative_error(a, b):
    """|a - b| / |b|, in the L2 norm."""
    return np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b)


def test_the_logits_of_all_three_classifiers_are_pytorchs(both):
    _, ours, _, _, theirs, _, bounds = both
    for name, a, b in zip(ours._fields, ours, theirs, strict=True):
        assert relative_error(a.data, b.detach().numpy()) < bounds["output"], name


def test_the_loss_is_pytorchs(both):
    _, _, ours, _, _, theirs, bounds = both
    assert ours.item() == pytest.approx(theirs.item(), rel=bounds["output"])


def test_every_gradient_is_pytorchs(both):
    model, _, _, theirs, _, _, bounds = both
    ours = dict(model.named_parameters())
    names = [(f"{name}.{part}", f"{other}.{part}") for name, other in names_in_torch() for part in ("weight", "bias")]
    assert {name for name, _ in names} == set(ours)
    errors = {name: relative_error(in_torch_layout(name, ours[name].grad), theirs[other].grad.numpy()) for name, other in names}
    assert max(errors.values()) < bounds["gradient"], sorted(errors.items(), key=lambda item: -item[1])[:3]
