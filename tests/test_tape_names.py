"""The names of layers on the tape."""

import numpy as np
import pytest

import minigoog as mg


def test_operations_have_the_names_of_their_layers_as_in_the_network_that_was_called():
    model = mg.models.TinyInception()
    tape = mg.losses.cross_entropy(model(mg.Tensor(np.zeros((1, 8, 8, 1), np.float32))), np.array([3])).tape()
    assert [op.name for op in tape["inception2a"]] == ["Conv2d"] * 5 + ["MaxPool2d", "Conv2d", "Concat"]
    (conv,) = tape["inception2a.branch1x1"]
    assert conv.inputs[1] is model.inception2a.branch1x1.weight and tape.names().count("") == 1  # the loss
    parts = dict(model.named_modules())
    of_weights = {id(module.weight): name for name, module in parts.items() if hasattr(module, "weight")}
    named = {name: id(op.inputs[1]) for name, op in zip(tape.names(), tape, strict=True) if len(op.inputs) == 3}
    assert {of_weights[weight]: weight for weight in named.values()} == named
    assert repr(tape).splitlines()[1].split()[:3] == ["1", "inception2a.branch1x1", "Conv2d"]
    with pytest.raises(KeyError, match="no layer is called 'inception2', but conv1, inception2a, "):
        tape["inception2"]
    assert tape[0] is tape["conv1"][0] and tape[1:3] == list(tape)[1:3]


def test_a_tape_without_modules_has_no_names():
    y = mg.Tensor([1.0], requires_grad=True) * 2
    assert y.tape().names() == [""] and repr(y.tape()) == "   0  Scale                1                from 1"
    with pytest.raises(KeyError, match="no operation here is the result of a module"):
        y.tape()["conv1"]


def test_names_of_a_network_with_heads_and_of_a_part_that_is_called_alone():
    with_heads = mg.nn.Sequential(a=mg.nn.ReLU(), b=mg.nn.Sequential(mg.nn.ReLU(), mg.nn.ReLU()))
    x = mg.Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    assert with_heads(x).tape().names() == ["a", "b.0", "b.1"] and with_heads.b(x).tape().names() == ["0", "1"]


def test_operations_of_modules_that_are_no_part_of_the_network_have_no_names():
    class Net(mg.nn.Module):
        def __init__(self):
            self.fc = mg.nn.Linear(3, 2)

        def forward(self, x):
            return mg.nn.ReLU()(self.fc(x))

    net, x = Net(), mg.Tensor(np.ones((1, 3), np.float32))
    tape = net(x).tape()
    assert tape.names() == ["fc", ""] and tape["fc"] == tape[:1]
    assert repr(tape).splitlines()[1].split()[:2] == ["1", "ReLU"] and "ReLU" in tape._repr_html_()
    for outer in (mg.nn.Identity(), mg.nn.Dropout().eval()):  # they return their input, the result of another network
        assert outer(net.fc(x)).tape().names() == [""] and outer(net(x)).tape().names() == ["fc", ""]
