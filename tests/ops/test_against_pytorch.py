"""A small network of every operation, forward, loss and every gradient, against PyTorch with the same weights."""

import numpy as np

from minigoog import Tensor, nn, ops
from tests.answers import asked
from tests.strategies import numbers

X, LABELS = numbers(0, (2, 29, 31, 3)), np.array([3, 6])


def network():
    """The network, with weights that do not depend on how minigoog draws its first ones."""
    model = nn.Sequential(stem=nn.Conv2d(3, 16, 7, stride=2, padding=3, relu=True), pool=nn.MaxPool2d(3, 2, ceil_mode=True),
                          a=nn.Inception(16, 8, 12, 16, 4, 8, 8), b=nn.NaiveInception(40, 4, 6, 3),
                          mean=nn.AvgPool2d(3, 2, 1, ceil_mode=True),
                          last=nn.GlobalAvgPool2d(), fc=nn.Linear(53, 7))
    for i, parameter in enumerate(model.parameters()):
        parameter.data[...] = numbers([3, i], parameter.shape) / np.sqrt(max(parameter.size // parameter.shape[-1], 16))
    return model


@asked("torch")
def pytorchs_loss_and_gradients():
    import torch

    F = torch.nn.functional
    p = {name: torch.tensor(a, dtype=torch.float64, requires_grad=True) for name, a in network().state_dict().items()}

    def conv(name, x, **settings):
        return F.relu(F.conv2d(x, p[f"{name}.weight"].permute(3, 2, 0, 1), p[f"{name}.bias"], **settings))

    t = conv("stem", torch.tensor(X, dtype=torch.float64).permute(0, 3, 1, 2), stride=2, padding=3)
    t = F.max_pool2d(t, 3, 2, ceil_mode=True)
    t = torch.cat([conv("a.branch1x1", t), conv("a.branch3x3.conv", conv("a.branch3x3.reduce", t), padding=1),
                   conv("a.branch5x5.conv", conv("a.branch5x5.reduce", t), padding=2),
                   conv("a.branch_pool.project", F.max_pool2d(t, 3, 1, 1))], 1)
    t = torch.cat([conv("b.branch1x1", t), conv("b.branch3x3", t, padding=1), conv("b.branch5x5", t, padding=2),
                   F.max_pool2d(t, 3, 1, 1)], 1)
    t = F.avg_pool2d(t, 3, 2, 1, ceil_mode=True, count_include_pad=False).mean(dim=(2, 3))
    loss = F.cross_entropy(t @ p["fc.weight"] + p["fc.bias"], torch.tensor(LABELS))
    loss.backward()
    return {"loss": loss.item()} | {name: array.grad.numpy().astype(np.float32) for name, array in p.items()}


def test_an_inception_network_agrees_with_pytorch_in_loss_and_every_gradient(isa):
    model, theirs = network(), pytorchs_loss_and_gradients()
    loss = ops.cross_entropy(model(Tensor(X)), LABELS)
    loss.backward()
    assert np.isclose(loss.item(), theirs["loss"], rtol=1e-5)
    for name, parameter in model.named_parameters():
        exact = theirs[name]
        assert np.max(np.abs(parameter.grad - exact)) <= 1e-4 * np.max(np.abs(exact)), name
