"""Sequential, Branches and ModuleList."""

import numpy as np
import pytest

from minigoog import Tensor, nn, ops
from tests.strategies import numbers


def branches():
    return nn.Branches(nn.Conv2d(3, 4, 1), pool=nn.MaxPool2d(3, stride=1, padding=1),
                       deep=nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 5, 3, padding=1), nn.ReLU()))


def test_branches_concatenate_what_each_computes_alone():
    model, x = branches(), Tensor(numbers(0, (2, 6, 5, 3)))
    y = model(x)
    alone = [branch(x).data for branch in model.children()]
    assert np.allclose(y.data, np.concatenate(alone, axis=3), atol=1e-6) and y.shape[-1] == 12
    assert all(np.shares_memory(x.data, y.data) for x in y.op.inputs)  # nothing was copied


def test_branches_know_their_widths_also_nested_and_pruned():
    model = branches()
    assert model.widths(3) == [4, 3, 5] and model.output_channels(3) == 12
    nested = nn.Branches(model, nn.Sequential(nn.MaxPool2d(1), nn.ReLU()))
    assert nested.widths(3) == [12, 3] and nested(Tensor(numbers(1, (1, 4, 4, 3)))).shape == (1, 4, 4, 15)
    pruned = nn.prune(branches(), 0.5)
    assert pruned.widths(3) == [4, 3, 5] and pruned(Tensor(numbers(1, (1, 4, 4, 3)))).shape == (1, 4, 4, 12)
    assert nn.Inception(3, 4, 1, 5, 1, 6, 7).widths(3) == [4, 5, 6, 7] and nn.NaiveInception(3, 4, 5, 6).widths(3) == [4, 5, 6, 3]


def test_gradients_through_branches_are_those_of_a_plain_concatenation():
    model, a, b = branches(), *(Tensor(numbers(0, (2, 6, 5, 3)), requires_grad=True) for _ in range(2))
    dy = numbers(1, (2, 6, 5, 12))
    model(a).backward(dy)
    ops.concat([branch(b) for branch in model.children()]).backward(dy)
    assert np.allclose(a.grad, b.grad, atol=1e-5)


def test_containers_can_be_indexed_counted_and_iterated():
    parts = [nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)]
    for container in (nn.Sequential(*parts), nn.ModuleList(parts), nn.Branches(*parts)):
        assert len(container) == 3 and list(container) == parts and container[0] is parts[0] and container[-1] is parts[2]
        with pytest.raises(IndexError):
            container[3]


def test_a_module_list_registers_its_parameters_and_is_called_by_its_owner():
    class Model(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList([nn.Linear(2, 3)]).append(nn.Linear(3, 4))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    model = Model()
    assert [name for name, _ in model.named_parameters()] == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert model(Tensor(numbers(0, (5, 2)))).shape == (5, 4)
    with pytest.raises(NotImplementedError, match=r"ModuleList has no forward\(\)"):
        model.layers(1)


@pytest.mark.parametrize("name, message", [
    *((name, f"`{name}` is a method or property") for name in ("forward", "training", "train", "parameters")),
    ("a.b", "`a.b` is no name for a module"), ("_training", "`_training` is no name for a module"), ("0", "`0` is taken"),
])  # fmt: skip
def test_names_that_would_hide_something_or_cannot_be_found_again_are_refused(name, message):
    with pytest.raises(ValueError, match=f"Sequential: {message}"):
        nn.Sequential(nn.ReLU(), **{name: nn.ReLU()})
    with pytest.raises(ValueError, match="Branches: `widths` is a method or property of Branches"):
        nn.Branches(widths=nn.ReLU())


def test_containers_take_only_modules():
    with pytest.raises(TypeError, match="ModuleList: `1` is int, expected a Module"):
        nn.ModuleList([nn.ReLU(), 3])
    with pytest.raises(TypeError, match="Branches: `a` is list, expected a Module"):
        nn.Branches(a=[])
    with pytest.raises(ValueError, match="Branches: no modules"):
        nn.Branches()
    assert len(nn.ModuleList()) == 0
