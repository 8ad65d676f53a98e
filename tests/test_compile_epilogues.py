"""What a call of a plan also computes: activations, sums, scales and shifts that follow it, with the answers of the tape."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from tests.plans import assert_same, eager, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")

ACTIVATIONS = {
    "ReLU": ops.relu, "Clip": lambda x: ops.clip(x, -0.5, 0.75), "LeakyReLU": lambda x: ops.leaky_relu(x, 0.2), "ELU": ops.elu,
    "HardSigmoid": ops.hard_sigmoid, "HardSwish": ops.hard_swish, "Sigmoid": ops.sigmoid, "SiLU": ops.silu, "Tanh": ops.tanh,
}


class Network(nn.Module):
    """Convolutions, and what `function` makes of them and the input."""

    def __init__(self, function, *layers):
        self.layers, self.function = nn.Sequential(*layers), function

    def forward(self, x):
        return self.function(*self.layers.children(), x)


def kinds(plan):
    return [step.kind for step in plan.steps if step.kind != "pad"]


def assert_close(model, x, error=1e-5):
    """The plan's answers are the tape's, but for rounding: products are fused with sums, or computed at another time."""
    plan, expected = mg.compile(model, x.shape), eager(model, x)
    assert np.abs(plan(x) - expected).max() <= error * np.abs(expected).max()
    return plan


LAYERS = {
    "direct": (lambda: nn.Conv2d(5, 37, 3, stride=2, padding=1), (2, 9, 11, 5)),
    "1x1": (lambda: nn.Conv2d(24, 70, 1), (1, 5, 7, 24)),
    "4x4 tiles": (lambda: nn.Conv2d(24, 33, 3, padding=1), (3, 17, 18, 24)),
    "2x2 tiles": (lambda: nn.Conv2d(32, 40, 3, padding=1), (1, 14, 13, 32)),
    "5x5": (lambda: nn.Conv2d(24, 40, 5, padding=2), (2, 21, 19, 24)),
    "groups": (lambda: nn.Conv2d(6, 9, 3, groups=3), (2, 7, 7, 6)),
    "depthwise": (lambda: nn.Conv2d(37, 37, 3, padding=1, groups=37), (2, 7, 9, 37)),
    "long sums": (lambda: nn.Conv2d(520, 20, 3, padding=1, stride=2), (1, 5, 5, 520)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_folded_into_a_convolution(isa, name, layer):
    make, shape = LAYERS[layer]
    plan = assert_same(Network(lambda conv, x: ACTIVATIONS[name](conv(x)), make()), random(shape))
    assert set(kinds(plan)) == {f"Conv2d+{name}"}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ["", "ReLU", "SiLU"])
def test_a_sum_is_folded_into_the_convolution_before_it(isa, name, layer):
    make, shape = LAYERS[layer]
    function, conv = ACTIVATIONS.get(name, lambda y: y), make()

    def block(a, b, x):
        return function(a(x) + b(x))

    plan = assert_same(Network(block, conv, make()), random(shape))
    assert {"Conv2d+Add+" + name if name else "Conv2d+Add", "Conv2d"} == set(kinds(plan))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_folded_into_a_linear_layer_and_a_sum(isa, name):
    class Flat(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(12, 12)

        def forward(self, x):
            flat = ops.flatten(x)
            return ACTIVATIONS[name](self.linear(flat)), ACTIVATIONS[name](flat + flat), ACTIVATIONS[name](ops.max_pool2d(x, 1))

    flat, x = Flat(), random((3, 2, 2, 3))
    plan = mg.compile(flat.eval(), x.shape)
    assert kinds(plan) == [f"Linear+{name}", f"Add+{name}", "MaxPool2d", name]
    with mg.no_grad():
        expected = flat(mg.Tensor(x))
    assert all(np.array_equal(y, e.data) for y, e in zip(plan(x), expected, strict=True))


def residual_block(a, b, c, x):
    y = ops.relu(a(x))
    return ops.relu(c(ops.relu(b(y))) + y)


def test_a_residual_block_is_three_calls():
    convs = nn.Conv2d(6, 24, 1), nn.Conv2d(24, 24, 3, padding=1), nn.Conv2d(24, 24, 1)
    plan = assert_same(Network(residual_block, *convs), random((2, 9, 9, 6)))
    assert kinds(plan) == ["Conv2d+ReLU", "Conv2d+ReLU", "Conv2d+Add+ReLU"]


ODD = {
    "both summands are convolutions": (lambda a, b, x: ops.relu(a(x) + b(x)), ["Conv2d", "Conv2d+Add+ReLU"]),
    "the sum is read before its activation": (lambda a, b, x: ops.relu(y := a(x) + x) + b(y), ["Conv2d+Add", "ReLU", "Conv2d+Add"]),
    "the convolution is read by others": (lambda a, b, x: ops.relu(a(x) + x) + b(x), ["Conv2d+Add+ReLU", "Conv2d+Add"]),
    "the other summand comes later": (lambda a, b, x: a(x) + ops.max_pool2d(x, 1), ["Conv2d", "MaxPool2d", "Add"]),
    "twice the same": (lambda a, b, x: (lambda y: y + y)(a(x)), ["Conv2d", "Add"]),
    "two sums": (lambda a, b, x: ops.relu(a(x) + x + b(x)), ["Conv2d+Add", "Conv2d+Add+ReLU"]),
    "two activations": (lambda a, b, x: ops.relu(ops.sigmoid(a(x))), ["Conv2d+Sigmoid", "ReLU"]),
    "into a concatenation": (lambda a, b, x: ops.concat([ops.silu(a(x) + x), ops.sigmoid(b(x))]), ["Conv2d+Add+SiLU", "Conv2d+Sigmoid"]),
}


@pytest.mark.parametrize("name", ODD)
def test_only_what_nothing_else_reads_is_folded(name):
    function, expected = ODD[name]
    plan = assert_same(Network(function, nn.Conv2d(5, 5, 1), nn.Conv2d(5, 5, 3, padding=1)), random((2, 8, 8, 5)))
    assert kinds(plan) == expected


def scaled(seed, n=5):
    return nn.Parameter(random((n,), seed))


def test_a_normalisation_becomes_part_of_the_weights_before_it():
    layers = nn.Sequential(nn.Conv2d(5, 8, 3), nn.BatchNorm2d(8, relu=True), nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
    for norm in (layers[1], layers[3]):
        norm.running_mean.data[...], norm.running_var.data[...] = random((8,), 1), random((8,), 2) ** 2
        norm.weight.data[...], norm.bias.data[...] = random((8,), 3), random((8,), 4)
    plan = assert_close(layers, random((2, 7, 7, 5)))
    assert kinds(plan) == ["Conv2d+ChannelAffine+ReLU", "Conv2d+ChannelAffine"]


def test_scale_shift_and_activation_are_one_pass_over_a_map(isa):
    class PreActivation(nn.Module):
        def __init__(self):
            self.a, self.b = scaled(1, 37), scaled(2, 37)

        def forward(self, x):
            y = ops.concat([ops.silu(ops.channel_affine(x, self.a, self.b)), ops.relu(ops.channel_affine(x, self.b, self.a))])
            return ops.hard_swish(y * 0.5) + (2 - y) / 3 + y * mg.Tensor(random((1, 1, 1, 74)))

    plan = assert_close(PreActivation(), random((2, 7, 7, 37)))
    assert kinds(plan)[:2] == ["ChannelAffine+SiLU", "ChannelAffine+ReLU"] and not any(step.algorithm == "NumPy" for step in plan.steps)


def test_squeeze_and_excitation_has_a_kernel(isa):
    def gated(a, b, x):
        gate = ops.reshape(ops.global_avg_pool2d(x), (3, 1, 1, 20))
        return ops.relu(x * ops.sigmoid(b(ops.relu(a(gate))))) + ops.hard_sigmoid(b(ops.relu(a(gate)))) * x

    plan = assert_same(Network(gated, nn.Conv2d(20, 5, 1), nn.Conv2d(5, 20, 1)), random((3, 6, 7, 20)))
    assert not any(step.algorithm == "NumPy" for step in plan.steps) and "Multiply+ReLU" in kinds(plan)


def constant(*shape):
    return mg.Tensor(random(shape, 5))


WITH_CONSTANTS = {
    "the scale of a constant": lambda x: ops.channel_affine(constant(20), x[0, 0, 0, :], constant(20)),
    "the shift of a constant": lambda x: ops.channel_affine(constant(20), constant(20), x[0, 0, 0, :]),
    "a gate that is constant": lambda x: x * constant(2, 1, 1, 20),
    "the gate of a constant": lambda x: constant(2, 3, 3, 20) * ops.reshape(ops.global_avg_pool2d(x), (2, 1, 1, 20)),
    "the sum with a constant map": lambda x: x + constant(2, 3, 3, 20),
}


@pytest.mark.parametrize("name", WITH_CONSTANTS)
def test_an_operation_on_a_constant_that_no_kernel_knows_runs_in_numpy(name):
    plan = assert_same(Network(lambda _, x: ops.relu(WITH_CONSTANTS[name](x)), nn.Identity()), random((2, 3, 3, 20)))
    assert any(step.algorithm == "NumPy" for step in plan.steps)


@pytest.mark.parametrize("groups", [1, 2, 3, 5, 10])
def test_shuffled_channels_and_halves_of_a_map(isa, groups):
    def shuffled(a, x):
        y = ops.channel_shuffle(ops.concat([x, a(x)]), groups)
        return ops.concat([y[..., :10], ops.relu(y[:, :, :, 10:])]) + ops.channel_shuffle(y, groups)[..., ::-1]

    plan = assert_same(Network(shuffled, nn.Conv2d(15, 15, 1)), random((2, 6, 7, 15)))
    assert "ChannelShuffle" in kinds(plan) and sum(step.kind == "Index" for step in plan.steps) == 1  # only the one with steps is a copy


@pytest.mark.parametrize("index", [
    np.s_[[1, 0], :, :, :2], np.s_[:, np.array([0, 2, 1]), :, :2], np.s_[np.array([True, False]), ..., 1:], np.s_[..., None, 1:],
])
def test_an_array_index_before_a_slice_of_channels_runs_in_numpy(index):
    plan = assert_same(Network(lambda _, x: ops.relu(x[index]), nn.Identity()), random((2, 3, 3, 4)))
    assert any(step.algorithm == "NumPy" for step in plan.steps)


def test_a_dense_block_copies_nothing():
    """Each layer reads the concatenation of all before it."""

    def block(a, b, c, d, x):
        parts = [a(x)]
        for layer in (b, c, d):
            parts.append(layer(ops.relu(ops.concat(parts))))
        return ops.concat(parts) * 2

    layers = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3, padding=1), nn.Conv2d(10, 4, 1), nn.Conv2d(14, 4, 3, padding=1)
    plan = assert_same(Network(block, *layers), random((2, 9, 9, 3)))
    assert "copy" not in kinds(plan)


def test_a_dense_block_that_begins_with_the_input_copies_it_once():
    def block(a, b, x):
        one = x[..., :1]
        y = a(ops.concat([x, one]))
        return ops.concat([x, one, y, b(ops.concat([x, one, y]))])

    plan = assert_same(Network(block, nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(6, 2, 1)), random((2, 9, 9, 3)))
    assert kinds(plan).count("copy") == 2
