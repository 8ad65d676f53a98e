"""Operations of the user's own compile to what they compute, whatever their class is called."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.ops.concat import Concat
from minigoog.ops.conv import Conv2d
from tests.plans import assert_same, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


class ReLU(mg.Op):
    """Leaky, but called like the package's own."""

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, np.float32(0.1) * x)

    def backward(self, dy):
        return (np.where(self.x > 0, dy, np.float32(0.1) * dy),)


class MaxPool2d(mg.Op):
    """Computes minima."""

    def __init__(self):
        self.window = {"kernel_size": 2, "stride": None, "padding": 0, "ceil_mode": False}

    def forward(self, x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).min(axis=(2, 4))


class Doubled(Conv2d):
    """A subclass of an operation that has a rule."""

    def forward(self, x, w, b=None):
        return 2 * super().forward(x, w, b)


class Shifted(Concat):
    def forward(self, *xs):
        return super().forward(*xs) + np.float32(1)


class Squared(nn.Module):
    """Powers have no rule."""

    def forward(self, x):
        return x**2


class Own(nn.Module):
    """A convolution followed by what `function` computes from its output, its weight and its bias."""

    def __init__(self, function, relu=False):
        self.conv, self.function = nn.Conv2d(3, 3, 1, relu=relu), function

    def forward(self, x):
        return self.function(self.conv(x), self.conv.weight, self.conv.bias)


OWN = {
    "a leaky ReLU after a convolution, not folded into it": lambda y, w, b: ReLU()(y),
    "a ReLU of a subclass's convolution": lambda y, w, b: mg.ops.relu(Doubled()(y, w, b)),
    "MaxPool2d that computes minima": lambda y, w, b: MaxPool2d()(y),
    "a subclass of Conv2d": lambda y, w, b: Doubled()(y, w, b),
    "a subclass of Conv2d beside one that shares a product": lambda y, w, b: mg.ops.concat([mg.ops.conv2d(y, w, b), Doubled()(y, w, b)]),
    "a subclass of Concat": lambda y, w, b: Shifted()(y, mg.ops.relu(y)),
    "concatenated": lambda y, w, b: mg.ops.concat([ReLU()(y), MaxPool2d()(y) if y.shape[1] < 2 else y]),
    "the operators": lambda y, w, b: (1 - y / 2) * y**2 + y[:, ::-1],
}


@pytest.mark.parametrize("name", OWN)
def test_an_operation_of_ones_own_is_compiled_to_its_own_forward(name):
    assert_same(Own(OWN[name]), random((2, 6, 6, 3)))


def test_an_operation_without_a_rule_says_so_in_the_table():
    plan = assert_same(Own(OWN["MaxPool2d that computes minima"]), random((2, 6, 6, 3)))
    assert [(step.kind, step.algorithm) for step in plan.steps] == [("Conv2d", "direct"), ("MaxPool2d", "NumPy")]


def test_an_operation_without_a_kernel_runs_in_numpy_between_two_runs_of_c():
    gaps = nn.Sequential(nn.Inception(3, 4, 3, 6, 2, 5, 3), Squared())  # whose map has gaps between its pixels
    assert_same(gaps, random((2, 7, 7, 3)))
    plan = assert_same(nn.Sequential(nn.Conv2d(3, 8, 3), Squared(), nn.Conv2d(8, 4, 1)), random((2, 7, 7, 3)))
    assert [step.algorithm for step in plan.steps] == ["direct", "NumPy", "direct"] and len(plan.program.runs) == 3
    assert (plan.seconds(random((2, 7, 7, 3)), repeats=2) > 0).all()
