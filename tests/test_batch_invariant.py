"""With the algorithm "batch_invariant", an image has the same bits alone and at any place in a batch of any size."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from minigoog.kernels import native
from tests.compile.narrow_networks import Narrow
from tests.kernels.judge import same_bits
from tests.plans import random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="a plan needs the C kernels")
MODELS = {
    "tiny": (mg.models.TinyInception, (8, 8, 1)), "small": (mg.models.SmallInception, (32, 32, 3)),
    "small, norm": (lambda: mg.models.SmallInception(norm=True), (28, 28, 3)), "lenet5": (mg.models.LeNet5, (32, 32, 1)),
    "quick": (lambda: mg.models.QuickInception(width=8), (32, 32, 3)),
}
GOOGLENET = lambda: mg.models.GoogLeNet(10), (64, 64, 3)


class Quarters(nn.Module):
    """The mean of four parts of an image, which are images to its convolutions."""

    def __init__(self):
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, relu=True), nn.Conv2d(16, 16, 3, padding=1, relu=True),
                                    nn.Conv2d(16, 16, 1, relu=True), nn.GlobalAvgPool2d(), nn.Linear(16, 4))

    def forward(self, x):
        y = self.layers(ops.reshape(x, (len(x) * 4, 4, 8, 3)))
        return ops.flatten(ops.global_avg_pool2d(ops.reshape(y, (len(x), 4, 1, 4))))


def alone_and_in_batches(run, images):
    """(expected, got) for each image at each place of batches of 2 and 8; run(x): the results of a batch."""
    alone = [run(images[i : i + 1])[0] for i in range(len(images))]
    for n in (2, 8):
        for start in range(0, len(images), n):
            for place, y in enumerate(run(images[start : start + n])):
                yield alone[start + place], y


@pytest.mark.parametrize("network", [*MODELS.values(), pytest.param(GOOGLENET, marks=pytest.mark.slow)], ids=[*MODELS, "googlenet"])
def test_a_plan_gives_an_image_the_same_bits_in_any_batch(network):
    make, shape = network
    model = make()
    plans = {n: mg.compile(model, (n, *shape), algorithm="batch_invariant") for n in (1, 2, 8)}

    def run(x):
        return plans[len(x)](x)

    assert all(same_bits(a, b) for a, b in alone_and_in_batches(run, random((8, *shape))))


@pytest.mark.parametrize("precision", ["int8", "bf16"])
@pytest.mark.parametrize("network", [*MODELS.values(), (Narrow, (32, 32, 3)), (Quarters, (8, 16, 3))], ids=[*MODELS, "narrow", "parts"])
def test_calibrated_plans_give_an_image_the_same_bits_in_any_batch(network, precision):
    """Of separate plans, and of one for several sizes. 7 calibration images: the last batch of 2 or 8 has fewer."""
    make, shape = network
    model, calibrate = make(), random((7, *shape), 1)
    shapes = [(n, *shape) for n in (1, 2, 8)]
    settings = {"algorithm": "batch_invariant", "precision": precision, "calibrate": calibrate}
    plans = {1: mg.compile(model, shapes[0], **settings)} | dict.fromkeys((2, 8), mg.compile(model, shapes[1:], **settings))
    assert all(same_bits(a, b) for a, b in alone_and_in_batches(lambda x: plans[len(x)](x), random((8, *shape))))


@pytest.mark.parametrize("case", [
    ((14, 14, 32), (3, 3), 48, 1), ((7, 7, 64), (3, 3), 64, 1), ((14, 14, 24), (5, 5), 32, 2), ((4, 4, 30), (3, 3), 20, 1),
    ((1, 1, 700), (1, 1), 33, 0), ((9, 9, 3), (7, 7), 40, 3)], ids=str)
def test_a_convolution_and_its_input_gradient_have_the_same_bits_in_any_batch(isa, case):
    shape, window, cout, padding = case
    how, w = {"padding": padding, "algorithm": "batch_invariant"}, random((*window, shape[2], cout), 1)

    def gradient(dy):
        return native.conv2d_input((len(dy), *shape), w, dy, **how)

    x = random((8, *shape))
    y = native.conv2d(x, w, **how)
    assert all(same_bits(a, b) for a, b in alone_and_in_batches(lambda x: native.conv2d(x, w, **how), x))
    assert all(same_bits(a, b) for a, b in alone_and_in_batches(gradient, y))


def test_other_plans_choose_by_the_size_of_the_batch():
    """Otherwise nothing above would need `batch_invariant`."""
    model = mg.models.SmallInception()
    algorithms = [[step.algorithm for step in mg.compile(model, (n, 32, 32, 3)).steps if step.algorithm] for n in (1, 8)]
    assert algorithms[0] != algorithms[1]
    invariant = [mg.compile(model, (n, 32, 32, 3), algorithm="batch_invariant") for n in (1, 8)]
    assert [step.algorithm for step in invariant[0].steps] == [step.algorithm for step in invariant[1].steps]


def test_a_direct_plan_keeps_a_nan_within_its_windows():
    model = mg.nn.Conv2d(32, 64, 3, padding=1)
    x = random((8, 12, 12, 32))
    x[0, 5, 6] = np.nan
    nans = {how: np.argwhere(np.isnan(mg.compile(model, x.shape, algorithm=how)(x)[0, :, :, 0])).tolist() for how in ("auto", "direct")}
    assert nans["direct"] == [[i, j] for i in (4, 5, 6) for j in (5, 6, 7)] and len(nans["auto"]) > 9


def test_an_unknown_algorithm_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="compile: `algorithm` is 'winograd', expected one of auto, batch_invariant, direct"):
        mg.compile(mg.models.TinyInception(), (1, 8, 8, 1), algorithm="winograd")
