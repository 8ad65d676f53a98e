"""Batch normalisation as a layer: beside PyTorch's, and folded into a convolution in evaluation."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from tests.answers import asked
from tests.strategies import numbers


def trained(module, *shape):
    """The module in evaluation after three batches of training."""
    for i in range(3):
        module.train()(Tensor(numbers(i, shape) * 2 + 1))
    return module.eval()


GAMMA, BETA, X, DY = numbers(0, (5,)), numbers(1, (5,)), numbers(2, (4, 3, 6, 5)), numbers(3, (4, 3, 6, 5))


@asked("torch")
def pytorchs_normalisation():
    import torch

    norm, x = torch.nn.BatchNorm2d(5), torch.tensor(X.transpose(0, 3, 1, 2)).requires_grad_()
    norm.load_state_dict({"weight": torch.tensor(GAMMA), "bias": torch.tensor(BETA)}, strict=False)
    y = norm(x)
    y.backward(torch.tensor(DY.transpose(0, 3, 1, 2)))
    found = {"y": y, "dx": x.grad, "evaluated": norm.eval()(x)}
    flat = {"dgamma": norm.weight.grad, "dbeta": norm.bias.grad, "mean": norm.running_mean, "var": norm.running_var}
    return {name: a.detach().permute(0, 2, 3, 1).numpy() for name, a in found.items()} | {name: a.numpy() for name, a in flat.items()}


def test_it_does_what_pytorchs_does():
    ours, x = nn.BatchNorm2d(5), Tensor(X, requires_grad=True)
    ours.load_state_dict({"weight": GAMMA, "bias": BETA}, strict=False)
    y = ours(x)
    y.backward(DY)
    found = {"y": y.data, "dx": x.grad, "evaluated": ours.eval()(Tensor(X)).data, "dgamma": ours.weight.grad, "dbeta": ours.bias.grad,
             "mean": ours.running_mean.data, "var": ours.running_var.data}
    for name, exact in pytorchs_normalisation().items():
        assert np.allclose(found[name], exact, atol=1e-5 if name == "evaluated" else 2e-5), name


def test_one_value_of_each_channel_is_refused_in_training_only():
    norm, x = nn.BatchNorm2d(3), Tensor(numbers(0, (1, 1, 1, 3)))
    with pytest.raises(ValueError, match=r"BatchNorm2d: `x` has shape \(1, 1, 1, 3\), expected more than one value of each channel"):
        norm(x)
    assert (norm.running_var.data == 1).all()
    assert np.allclose(norm.eval()(x).data, x.data, atol=1e-4)
    assert mg.summary(nn.Sequential(norm.train()), (1, 1, 3)).rows and (norm.running_var.data == 1).all()


def test_in_evaluation_it_is_part_of_the_convolution():
    layer = trained(nn.ConvBNReLU(3, 7, 3, padding=1), 2, 6, 6, 3)
    x = numbers(9, (2, 6, 6, 3))
    layer.conv.bias = None
    z = mg.kernels.reference.conv2d(x.astype(np.float64), layer.conv.weight.data.astype(np.float64), padding=1)
    norm = layer.norm
    y = (z - norm.running_mean.data) / np.sqrt(norm.running_var.data + np.float64(norm.eps)) * norm.weight.data + norm.bias.data
    assert np.allclose(layer(Tensor(x)).data, np.maximum(y, 0), atol=1e-5)
    assert [op.name for op in layer(Tensor(x)).tape()].count("Conv2d") == 1


def test_state_holds_the_running_averages_but_the_optimizer_does_not_see_them():
    layer = trained(nn.ConvBNReLU(3, 4, 1), 2, 5, 5, 3)
    assert [name for name, _ in layer.named_parameters()] == ["conv.weight", "norm.weight", "norm.bias"]
    other = nn.ConvBNReLU(3, 4, 1).eval()
    other.load_state_dict(layer.state_dict())
    x = Tensor(numbers(5, (1, 4, 4, 3)))
    assert np.array_equal(other(x).data, layer(x).data)
    with pytest.raises(ValueError, match="missing `norm.running_mean`"):
        other.load_state_dict({name: p.data for name, p in layer.named_parameters()})


def test_a_normalised_network_compiles_to_the_same_bits():
    model = trained(mg.models.TinyInception(norm=True), 4, 8, 8, 1)
    x = numbers(3, (2, 8, 8, 1))
    with mg.no_grad():
        expected = model(Tensor(x)).data
    assert np.allclose(mg.compile(model, x.shape)(x), expected, atol=1e-5)


def test_its_gradient_in_evaluation_reaches_every_parameter():
    layer = trained(nn.ConvBNReLU(2, 3, 3), 2, 5, 5, 2)
    layer(Tensor(numbers(1, (1, 5, 5, 2)))).sum().backward()
    assert all(p.grad is not None and np.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("build", [lambda norm: mg.models.TinyInception(norm=norm), lambda norm: mg.models.SmallInception(norm=norm),
                                   lambda norm: mg.models.GoogLeNet(norm=norm)], ids=["tiny", "small", "googlenet"])
def test_the_option_norm_replaces_each_bias_by_a_normalisation(build):
    plain, normal = ({name for name, _ in build(norm).named_parameters()} for norm in (False, True))
    convolutions = {name.removesuffix(".weight") for name in plain - normal if name.endswith(".weight")}
    assert convolutions and {f"{name}.conv.weight" for name in convolutions} <= normal
