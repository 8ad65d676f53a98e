"""Compiled plans: the same answers as the tape, whatever the network; no buffer is used again while somebody needs it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigoog as mg
from minigoog import nn, ops

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def eager(model, x):
    model.eval()
    with mg.no_grad():
        return model(mg.Tensor(x)).data


def assert_same(model, x):
    """The plan's answers are the tape's to the bit (the kernels, and their order of sums, are the same), and stay so after other inputs.

    A product that several convolutions share takes the same sums in the same order too."""
    expected = eager(model, x)
    plan = mg.compile(model, x.shape)
    first, other, again = plan(x), plan(random(x.shape, 1234)), plan(x)
    assert np.array_equal(first, expected)
    assert np.array_equal(again, first) and (x.size == 0 or not np.array_equal(other, first) or not first.any())
    return plan


@pytest.mark.parametrize("name, shape", [("tiny", (8, 8, 1)), ("lenet5", (32, 32, 1)), ("nin", (32, 32, 3))])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_plan_computes_what_the_model_computes(name, shape, n):
    assert_same(mg.models.build(name), random((n, *shape)))


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
def test_a_plan_computes_what_googlenet_computes(variant):
    plan = assert_same(mg.models.GoogLeNet(num_classes=20, variant=variant), random((1, 224, 224, 3)))
    together = [step for step in plan.steps if "reductions" in step.name]
    assert len(together) == 9  # the three 1x1 convolutions on each module's input are one product
    assert not any(step.kind == "Concat" for step in plan.steps)  # and nothing is copied to be side by side


def test_alexnet_with_groups_compiles():
    assert_same(mg.models.AlexNet(num_classes=5, init=nn.init.he_normal), random((1, 227, 227, 3)))


LAYERS = {
    "1x1": lambda c: nn.Conv2d(c, 9, 1, relu=True),
    "3x3": lambda c: nn.Conv2d(c, 17, 3, padding=1),
    "5x5/2": lambda c: nn.Conv2d(c, 5, 5, stride=2, padding=2, bias=None),
    "2x3": lambda c: nn.Conv2d(c, 4, (2, 3), padding=(1, 1), relu=True),
    "inception": lambda c: nn.Inception(c, 4, 3, 6, 2, 5, 3),
    "naive": lambda c: nn.NaiveInception(c, 2, 3, 1),
    "max": lambda c: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "avg": lambda c: nn.AvgPool2d(2, 1, 1),
    "relu": lambda c: nn.ReLU(),
    "tanh": lambda c: nn.Tanh(),
    "dropout": lambda c: nn.Dropout(0.3),
}


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


def test_later_changes_of_the_model_are_not_seen():
    model, x = mg.models.TinyInception(), random((2, 8, 8, 1))
    plan, before = mg.compile(model, x.shape), eager(model, x)
    for parameter in model.parameters():
        parameter.data[...] = 0
    assert np.array_equal(plan(x), before)


def test_compiling_leaves_the_mode_of_each_part_as_it_was():
    model = mg.models.TinyInception().train()
    model.dropout.eval()
    mg.compile(model, (1, 8, 8, 1))
    assert model.training and not model.dropout.training


def test_a_wrong_input_is_named():
    plan = mg.compile(mg.models.TinyInception(), (2, 8, 8, 1))
    with pytest.raises(ValueError, match=r"plan: `x` has shape \(3, 8, 8, 1\), expected \(2, 8, 8, 1\)"):
        plan(random((3, 8, 8, 1)))
    with pytest.raises(TypeError, match=r"plan: `x` is float64, expected float32"):
        plan(np.zeros((2, 8, 8, 1)))
    with pytest.raises(TypeError, match=r"compile: `input_shape` is \(8, 8, 1\), expected a tuple of 4"):
        mg.compile(mg.models.TinyInception(), (8, 8, 1))


def test_a_plan_prints_as_a_table_with_or_without_times():
    plan = mg.compile(mg.models.TinyInception(), (2, 8, 8, 1))
    assert "inception2a.branch1x1 and 2 reductions" in repr(plan)
    table = plan.profile(random((2, 8, 8, 1)), repeats=2)
    assert "GFLOP/s" in table and "of peak" in table and "classifier" in table


def test_the_number_of_threads_does_not_change_a_bit(threads):
    model, x, results = mg.models.TinyInception(), random((40, 8, 8, 1)), []
    for n in (1, 2, 3):
        threads(n)
        results.append(mg.compile(model, x.shape)(x))
    assert all(np.array_equal(y, results[0]) for y in results)


def test_a_plan_for_another_number_of_threads_is_refused(threads):
    if not mg.kernels.native.machine.has_openmp():
        pytest.skip("built without OpenMP: there is no other number of threads")
    threads(1)
    plan = mg.compile(mg.models.TinyInception(), (1, 8, 8, 1))
    threads(2)
    with pytest.raises(RuntimeError, match=r"compiled for 1 threads, but 2 are set now"):
        plan(random((1, 8, 8, 1)))
