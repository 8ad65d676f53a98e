"""Every public function and class, given nonsense for all that it requires: an error that names it and the argument."""

import inspect
import re

import numpy as np
import pytest

import minigoog as mg
from minigoog import gradcheck, losses, metrics, models, nn, ops, optim
from minigoog.kernels import reference

NONSENSE = {"None": None, "a string": "x", "a number": 3.5, "a list": [1], "integers": np.ones(3, int), "an object": object(),
            "a tensor": mg.Tensor(np.ones((), np.float32)), "a module": nn.Flatten()}  # fmt: skip
ELSEWHERE = {"Plan", "Tape", "GradcheckError", "GoogLeNetOutput", "Buffer",  # what users get and do not make
             "bias_parameter", "empty"}  # for this package's own functions; fmt: skip


def public():
    """{name: function or class} of what users call; data and formats, which read files, have tests of their own."""
    for module in (mg, ops, losses, metrics, models, nn, nn.init, optim, reference):
        names = getattr(module, "__all__", None) or [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
        for name in names:
            if callable(thing := getattr(module, name)) and name not in ELSEWHERE and not name.startswith("_"):
                yield name, thing


def required(function):
    """The names of the parameters that have no default."""
    every = inspect.signature(function).parameters.values()
    return [p.name for p in every if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_taken_or_refused_by_name(nonsense):
    wrong = []
    for name, function in public():
        given = dict.fromkeys(required(function), NONSENSE[nonsense])
        try:
            if given:
                function(**given)
        except (TypeError, ValueError, FileNotFoundError) as error:
            told = re.match(rf"(models\.)?{name}: `(\w+)(\[\d\])?`", str(error))
            if not (told and told[2] in inspect.signature(function).parameters) and not isinstance(error, FileNotFoundError):
                wrong.append(f"{name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


def test_the_list_of_what_is_public_is_not_empty():
    assert len(dict(public())) > 100


@pytest.mark.parametrize("call, message", [
    (lambda: gradcheck(lambda x: x.data, [np.ones(2)]), "gradcheck: `function` returned ndarray, expected a Tensor"),
    (lambda: losses.googlenet_loss((mg.Tensor([[1.0]]), 3), [0]), "googlenet_loss: `outputs` is int, expected a Tensor"),
    (lambda: metrics.confusion_matrix([0, 9], [0, 1], 3), "confusion_matrix: `predicted` go from 0 to 9, expected 0 to 2"),
    (lambda: metrics.confusion_matrix([0], [0, 1], 3), r"confusion_matrix: `predicted` has shape \(1,\), expected \(2,\)"),
    (lambda: mg.diff(nn.Flatten(), 3), "diff: `b` is int, expected a Module"),
    (lambda: mg.summary(nn.Flatten(), (1, 2)), r"summary: `input_shape` is \(1, 2\), expected a tuple"),
    (lambda: nn.Inception(3, 4, "5", 6, 7, 8, 9), "Inception: `ch3x3red` is '5', expected an integer"),
    (lambda: nn.init.he_normal((0, 3)), "he_normal: `shape` is 0, expected at least 1"),
    (lambda: nn.Linear(3, 2).load_state_dict(None), "load_state_dict: `state` is NoneType, expected a dict of arrays"),
    (lambda: nn.Linear(3, 2).load_state_dict({}, strict=1), "load_state_dict: `strict` is 1, expected True or False"),
    (lambda: optim.SGD(nn.Linear(3, 2).parameters(), 0.1).load_state_dict({}), "SGD.load_state_dict: `state_dict` is dict, expected"),
    (lambda: mg.Tensor([1.0], requires_grad=True).backward("x"), "backward: `grad` is str, expected an array of numbers"),
    (lambda: mg.Tensor([1.0], requires_grad=2), "Tensor: `requires_grad` is 2, expected True or False"),
    (lambda: mg.kernels.use([1]).__enter__(), r"kernels.use: `name` is \[1\], expected one of reference"),
    (lambda: mg.trace(nn.Flatten(), np.ones((2, 2, 1)), "cat"), "trace: `label` is 'cat', expected an integer"),
])  # fmt: skip
def test_an_argument_beside_right_ones_is_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        call()


def test_no_error_is_longer_than_a_few_lines():
    """Whatever was given: an array, a list of a million, a long string."""
    for value in (np.zeros((99, 99)), list(range(10**6)), "x" * 10**6, [["x" * 10**4] * 99] * 9, dict.fromkeys(range(10**4))):
        for call in (lambda v: nn.Conv2d(v, 3, 3), lambda v: ops.concat(v), lambda v: mg.Tensor([1.0]) + v, lambda v: models.build(v),
                     lambda v: mg.compile(nn.Flatten(), v), lambda v: ops.index(mg.Tensor([1.0]), v), lambda v: nn.MaxPool2d(v)):
            with pytest.raises((TypeError, ValueError, IndexError)) as refused:
                call(value)
            assert len(str(refused.value)) < 600
