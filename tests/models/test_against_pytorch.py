"""The whole of GoogLeNet against PyTorch: logits of all heads, the loss, and every gradient, from the same weights."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats.torchvision import BRANCHES, HEADS, MODULES, STEM
from tests.answers import asked

# float64, on the reference kernels: the algebra. Rounding is 1e-16 a step, and no two values are so close that it decides between them.
# float32, on the kernels in use: two networks of 22 layers, each summing in its own order; one layer's relative L2 error is about 1e-6
# (Winograd) and the layers' errors add up. Where two values of a pooling window or a ReLU and its zero lie that close, the engines may
# decide differently, and a gradient goes another way: measured 1.8e-6 on AVX-512 and AVX2, 1.2e-3 on `plain`, which has such a flip.
BOUNDS = {"float64": {"output": 1e-12, "gradient": 1e-10}, "float32": {"output": 1e-5, "gradient": 5e-3}}

IMAGES, LABELS = np.random.default_rng(2).standard_normal((2, 224, 224, 3)).astype(np.float32), np.array([3, 77])


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


def sketch(number, gradient):
    """16 sums of a gradient's values with random signs, each value in one of them, and its L2 norm: 13 million values would fill 50 MB.

    The L2 distance of two sketches estimates that of the gradients, whatever these are: the count sketch of Charikar et al., 2002."""
    signs = np.random.default_rng(number).integers(0, 2, gradient.size, np.int8) * 2 - 1
    signed = gradient.ravel().astype(np.float64) * signs
    return np.array([*np.append(signed, np.zeros(-gradient.size % 16)).reshape(-1, 16).sum(axis=0), np.linalg.norm(signed)])


def network(dtype):
    """GoogLeNet without dropout, with weights that do not depend on how minigoog draws its first ones."""
    model, rng = mg.models.GoogLeNet(num_classes=100), np.random.default_rng(1)
    for _, module in model.named_modules():
        if isinstance(module, mg.nn.Dropout):
            module.p = 0.0
    for parameter in model.parameters():
        scale = 0.1 if len(parameter.shape) == 1 else (2 / np.prod(parameter.shape[:-1])) ** 0.5
        parameter.data = (scale * rng.standard_normal(parameter.shape)).astype(np.float32).astype(dtype)
    return model


PAIRS = [(f"{name}.{part}", f"{other}.{part}") for name, other in names_in_torch() for part in ("weight", "bias")]


@asked("torch")
def pytorchs_network():
    """In float64."""
    import torch

    from tests.models.torch_googlenet import TorchGoogLeNet

    ours, theirs = network(np.float64).state_dict(), TorchGoogLeNet(classes=100).double()
    parameters = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, other in PAIRS:
            parameters[other].copy_(torch.from_numpy(np.array(in_torch_layout(name, ours[name]))))
    outputs = theirs(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).astype(np.float64)))
    losses = [torch.nn.functional.cross_entropy(y, torch.from_numpy(LABELS)) for y in outputs]
    loss = losses[0] + 0.3 * losses[1] + 0.3 * losses[2]
    loss.backward()
    sketches = [sketch(i, parameters[other].grad.numpy()) for i, (_, other) in enumerate(PAIRS)]
    return {"logits": np.stack([y.detach().numpy() for y in outputs]), "loss": loss.item(), "sketches": np.stack(sketches)}


@pytest.fixture(scope="module", params=[pytest.param("float64", marks=pytest.mark.slow), "float32"])
def ours(request):
    """(our network, its logits, its loss) after one forward and backward pass, and how far from PyTorch's they may be."""
    with mg.kernels.use("reference" if request.param == "float64" else mg.kernels.backend):
        model = network(request.param)
        logits = model(mg.Tensor(IMAGES.astype(request.param)))
        loss = mg.losses.googlenet_loss(logits, LABELS)
        loss.backward()
    return model, logits, loss, BOUNDS[request.param]


def test_the_logits_of_all_three_classifiers_are_pytorchs(ours):
    _, logits, _, bounds = ours
    for name, a, b in zip(logits._fields, logits, pytorchs_network()["logits"], strict=True):
        assert np.linalg.norm(a.data - b) < bounds["output"] * np.linalg.norm(b), name


def test_the_loss_is_pytorchs(ours):
    _, _, loss, bounds = ours
    assert loss.item() == pytest.approx(pytorchs_network()["loss"].item(), rel=bounds["output"])


def test_every_gradient_is_pytorchs(ours):
    model, _, _, bounds = ours
    parameters, theirs = dict(model.named_parameters()), pytorchs_network()["sketches"]
    assert {name for name, _ in PAIRS} == set(parameters)
    found = [sketch(i, in_torch_layout(name, parameters[name].grad)) for i, (name, _) in enumerate(PAIRS)]
    errors = {name: np.linalg.norm((a - b)[:16]) / b[16] for (name, _), a, b in zip(PAIRS, found, theirs, strict=True)}
    assert max(errors.values()) < bounds["gradient"], sorted(errors.items(), key=lambda item: -item[1])[:3]
