"""Compiled networks give the same answers as the tape, whatever the network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigoog as mg
from minigoog import nn, ops
from tests.plans import assert_same, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


@pytest.mark.parametrize("name, shape", [("tiny", (8, 8, 1)), ("lenet5", (32, 32, 1)), ("nin", (32, 32, 3))])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_plan_computes_what_the_model_computes(name, shape, n):
    assert_same(mg.models.build(name), random((n, *shape)))


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
def test_a_plan_computes_what_googlenet_computes(variant):
    plan = assert_same(mg.models.GoogLeNet(num_classes=20, variant=variant), random((1, 224, 224, 3)))
    assert sum("(3 layers)" in step.name for step in plan.steps) == 9  # the 1x1 convolutions on each module's input are one product
    assert not any(step.kind in ("copy", "Concat") for step in plan.steps)  # and nothing is copied to be side by side
    assert len(plan.program.runs) == 1  # no Python between the layers


def test_alexnet_with_groups_compiles():
    assert_same(mg.models.AlexNet(num_classes=5, init=nn.init.he_normal), random((1, 227, 227, 3)))


LAYERS = {
    "1x1": lambda c: nn.Conv2d(c, 9, 1, relu=True),
    "3x3": lambda c: nn.Conv2d(c, 17, 3, padding=1),
    "5x5/2": lambda c: nn.Conv2d(c, 5, 5, stride=2, padding=2, bias=False),
    "2x3": lambda c: nn.Conv2d(c, 4, (2, 3), padding=(1, 1), relu=True),
    "inception": lambda c: nn.Inception(c, 4, 3, 6, 2, 5, 3),
    "naive": lambda c: nn.NaiveInception(c, 2, 3, 1),
    "max": lambda c: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "avg": lambda c: nn.AvgPool2d(2, 1, 1),
    "relu": lambda c: nn.ReLU(),
    "leaky relu": lambda c: nn.LeakyReLU(0.2),
    "tanh": lambda c: nn.Tanh(),
    "dropout": lambda c: nn.Dropout(0.3),
}


def of(*layers):
    """A network of `layers`, the last of which is a function of the others and the input."""

    class Network(nn.Module):
        def __init__(self):
            self.layers = nn.Sequential(*layers[:-1])

        def forward(self, x):
            return layers[-1](*self.layers.children(), x)

    return Network()


def pointwise(n, **kwargs):
    return nn.Conv2d(3, n, 1, **kwargs)


ODD = {
    "concatenated with itself": of(pointwise(5), lambda a, x: (lambda y: ops.concat([y, y]))(a(x))),
    "products with and without relu": of(
        pointwise(3, relu=True), pointwise(4), pointwise(5, relu=True, bias=False),
        lambda a, b, c, x: ops.concat([a(x), b(x), c(x)])),
    "a product that begins one concatenation and feeds another": of(
        pointwise(3), pointwise(4), pointwise(5), lambda a, b, c, x: ops.concat([ops.concat([a(x), b(x)]), ops.relu(c(x)), a(x)])),
    "a window over a slice, without padding": of(
        nn.Inception(3, 4, 3, 6, 2, 5, 3), nn.Conv2d(18, 4, 3, stride=2), lambda a, b, x: b(a(x))),
    "weights that are computed": of(pointwise(3), lambda a, x: ops.conv2d(x, 2 * a.weight, a.bias + a.bias)),
    "relu of the input, and the input": of(pointwise(3), lambda a, x: ops.relu(x) + a(x) + x),
}


@pytest.mark.parametrize("name", ODD)
def test_a_plan_computes_what_odd_networks_compute(name):
    assert_same(ODD[name], random((2, 9, 9, 3)))


@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6), st.integers(1, 3), st.integers(4, 13), st.integers(0, 99))
def test_a_plan_computes_what_any_small_network_computes(names, n, size, seed):
    mg.manual_seed(seed)
    channels, layers = 3, []
    for name in names:
        layers.append(LAYERS[name](channels))
        channels = getattr(layers[-1], "out_channels", channels)
    model = nn.Sequential(*layers, nn.GlobalAvgPool2d(), nn.Linear(channels, 4))
    assert_same(model, random((n, size, size, 3), seed))


class Shared(nn.Module):
    """A map that is read again much later, concatenated twice, and concatenated with itself."""

    def __init__(self):
        self.a, self.b, self.c = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1, relu=True), nn.Conv2d(6, 6, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.c(self.b(self.b(a)))
        once = ops.concat([a, b])
        return ops.flatten(ops.concat([once, a, a]) + ops.concat([b, b, once]))


def test_maps_that_are_read_late_and_often_are_still_there():
    assert_same(Shared(), random((2, 20, 20, 3)))


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("module", [
    nn.Inception(7, 5, 3, 9, 2, 6, 4), nn.NaiveInception(6, 5, 17, 3), nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2, relu=True),
    nn.Conv2d(32, 32, 3, padding=1, groups=2), nn.Conv2d(5, 4, 1, stride=2, bias=False), nn.Conv2d(5, 4, (3, 1)),
    nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(5, 3), nn.ReLU(),
], ids=lambda module: type(module).__name__)
def test_a_plan_of_one_module_computes_what_the_module_computes(module, n):
    channels = getattr(getattr(module, "branch1x1", module), "in_channels", 3)
    assert_same(module, random((n, 11, 12, channels)))


def test_a_naive_module_needs_no_copy_either():
    plan = assert_same(nn.NaiveInception(6, 5, 17, 3), random((2, 9, 9, 6)))
    assert [step.kind for step in plan.steps] == ["Conv2d+ReLU", "pad", "Conv2d+ReLU", "pad", "Conv2d+ReLU", "MaxPool2d"]


def test_a_relu_is_folded_where_nothing_else_reads_its_input():
    layers = nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(100, 7), nn.ReLU()
    plan = assert_same(nn.Sequential(*layers), random((2, 5, 5, 3)))
    assert [step.kind for step in plan.steps] == ["Conv2d+ReLU", "Linear+ReLU"]

    class Seen(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            y = self.conv(x)
            return ops.relu(y) + y

    plan = assert_same(Seen(), random((2, 5, 5, 3)))
    assert [step.kind for step in plan.steps] == ["Conv2d", "ReLU", "Add"]


class Heads(nn.Module):
    """Several outputs: of different widths, one of them twice, one the input itself, one also read by others."""

    def __init__(self):
        self.a, self.b, self.c = nn.Conv2d(3, 5, 1, relu=True), nn.Conv2d(3, 2, 1, relu=True), nn.Linear(7, 3)
        self.d = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        both = ops.concat([self.a(x), self.b(x)])
        scores = self.c(ops.global_avg_pool2d(both))
        return self.b(x), both, scores, ops.softmax(scores), scores, x, (d := self.d(x)), ops.relu(d)


def test_several_outputs_come_as_a_tuple():
    model, x = Heads().eval(), random((3, 6, 6, 3))
    plan = mg.compile(model, x.shape)
    with mg.no_grad():
        expected = [y.data for y in model(mg.Tensor(x))]
    for _ in range(2):
        ys = plan(x)
        assert isinstance(ys, tuple) and all(np.array_equal(y, e) for y, e in zip(ys, expected, strict=True))
    assert ys[2] is not ys[4] and not np.shares_memory(ys[5], x)


def test_a_named_tuple_keeps_its_names():
    class Named(nn.Module):
        def forward(self, x):
            return mg.models.googlenet.GoogLeNetOutput(ops.relu(x), x, ops.softmax(ops.flatten(x)))

    x = random((2, 2, 2, 3))
    ys = mg.compile(Named(), x.shape)(x)
    assert np.array_equal(ys.logits, np.maximum(x, 0)) and np.array_equal(ys.aux_4a, x)


class Nested(nn.Module):
    """Concatenations of concatenations, of reshaped maps, of linear layers; 1x1 convolutions that are not concatenated."""

    def __init__(self):
        self.a, self.b, self.c, self.d = (nn.Conv2d(4, n, 1, relu=True) for n in (3, 5, 7, 2))
        self.e, self.f = nn.Conv2d(5, 3, 3, padding=1), nn.Linear(36, 6)

    def forward(self, x):
        inner = ops.concat([self.a(x), self.e(self.b(x))])
        outer = ops.concat([inner, ops.max_pool2d(inner, 3, 1, 1), x])
        flat = self.f(ops.flatten(ops.avg_pool2d(ops.concat([x]), 2, 2)))
        return ops.concat([ops.global_avg_pool2d(outer), flat, ops.global_avg_pool2d(self.d(x)), ops.global_avg_pool2d(self.c(x))])


def test_concatenations_may_be_nested():
    assert_same(Nested(), random((2, 6, 6, 4)))


def test_a_plan_computes_the_same_as_the_tape_on_every_instruction_set(isa):
    assert_same(mg.models.TinyInception(), random((9, 8, 8, 1)))
