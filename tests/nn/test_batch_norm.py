"""Batch normalisation as a layer: beside PyTorch's, and folded into a convolution in evaluation."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from tests.strategies import numbers


def trained(module, *shape):
    """The module in evaluation after three batches of training."""
    for i in range(3):
        module.train()(Tensor(numbers(i, shape) * 2 + 1))
    return module.eval()


def test_it_does_what_pytorchs_does():
    torch = pytest.importorskip("torch", reason="PyTorch is the judge here (extra judges)")
    ours, theirs = nn.BatchNorm2d(5), torch.nn.BatchNorm2d(5)
    gamma, beta, x, dy = numbers(0, (5,)), numbers(1, (5,)), numbers(2, (4, 3, 6, 5)), numbers(3, (4, 3, 6, 5))
    ours.load_state_dict({"weight": gamma, "bias": beta}, strict=False)
    theirs.load_state_dict({"weight": torch.tensor(gamma), "bias": torch.tensor(beta)}, strict=False)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    y, expected = ours(a), theirs(b)
    y.backward(dy)
    expected.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    pairs = [(y.data, expected.permute(0, 2, 3, 1)), (a.grad, b.grad.permute(0, 2, 3, 1)), (ours.weight.grad, theirs.weight.grad),
             (ours.bias.grad, theirs.bias.grad), (ours.running_mean.data, theirs.running_mean), (ours.running_var.data, theirs.running_var)]
    for got, exact in pairs:
        assert np.allclose(got, exact.detach().numpy(), atol=2e-5)
    assert np.allclose(ours.eval()(Tensor(x)).data, theirs.eval()(b).detach().permute(0, 2, 3, 1).numpy(), atol=1e-5)


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
