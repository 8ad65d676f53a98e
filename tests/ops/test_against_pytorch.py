"""A small network of every operation, forward, loss and every gradient, against PyTorch with the same weights."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn, ops
from tests.strategies import numbers


def test_an_inception_network_agrees_with_pytorch_in_loss_and_every_gradient(isa):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    mg.manual_seed(3)
    model = nn.Sequential(stem=nn.Conv2d(3, 16, 7, stride=2, padding=3, relu=True), pool=nn.MaxPool2d(3, 2, ceil_mode=True),
                          a=nn.Inception(16, 8, 12, 16, 4, 8, 8), b=nn.NaiveInception(40, 4, 6, 3),
                          mean=nn.AvgPool2d(3, 2, 1, ceil_mode=True),
                          last=nn.GlobalAvgPool2d(), fc=nn.Linear(53, 7))
    x, labels = numbers(0, (2, 29, 31, 3)), np.array([3, 6])
    loss = ops.cross_entropy(model(Tensor(x)), labels)
    loss.backward()

    p = {name: torch.tensor(a, dtype=torch.float64, requires_grad=True) for name, a in model.state_dict().items()}

    def conv(name, x, **settings):
        return F.relu(F.conv2d(x, p[f"{name}.weight"].permute(3, 2, 0, 1), p[f"{name}.bias"], **settings))

    t = conv("stem", torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2), stride=2, padding=3)
    t = F.max_pool2d(t, 3, 2, ceil_mode=True)
    t = torch.cat([conv("a.branch1x1", t), conv("a.branch3x3.conv", conv("a.branch3x3.reduce", t), padding=1),
                   conv("a.branch5x5.conv", conv("a.branch5x5.reduce", t), padding=2),
                   conv("a.branch_pool.project", F.max_pool2d(t, 3, 1, 1))], 1)
    t = torch.cat([conv("b.branch1x1", t), conv("b.branch3x3", t, padding=1), conv("b.branch5x5", t, padding=2),
                   F.max_pool2d(t, 3, 1, 1)], 1)
    t = F.avg_pool2d(t, 3, 2, 1, ceil_mode=True, count_include_pad=False).mean(dim=(2, 3))
    theirs = F.cross_entropy(t @ p["fc.weight"] + p["fc.bias"], torch.tensor(labels))
    theirs.backward()

    assert np.isclose(loss.item(), theirs.item(), rtol=1e-5)
    for name, parameter in model.named_parameters():
        exact = p[name].grad.numpy()
        assert np.max(np.abs(parameter.grad - exact)) <= 1e-4 * np.max(np.abs(exact)), name
