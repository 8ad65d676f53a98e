"""Compiled plans: the same answers as the tape, whatever the network; no buffer is used again while somebody needs it."""

from concurrent.futures import ThreadPoolExecutor

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
    """The plan's answers are the tape's to the bit, also after other inputs: the kernels and their order of sums are the same.

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


def test_later_changes_of_the_model_are_not_seen():
    model, x = mg.models.TinyInception(), random((2, 8, 8, 1))
    plan, before = mg.compile(model, x.shape), eager(model, x)
    for parameter in model.parameters():
        parameter.data[...] = 0
    assert np.array_equal(plan(x), before)


def test_compiling_keeps_no_memory_of_its_trial_run():
    plan = mg.compile(mg.models.GoogLeNet(num_classes=7, aux_heads=False), (2, 64, 64, 3))
    assert mg.kernels.native.workspace.pooled_bytes() == 0
    plan(random((2, 64, 64, 3)))
    assert plan.program.arena.nbytes * 4 < sum(4 * buffer.size for buffer in plan.program.lives)  # what the maps would take side by side


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
    assert "inception2a (3 layers)" in repr(plan)
    table = plan.profile(random((2, 8, 8, 1)), repeats=2)
    assert "GFLOP/s" in table and "of peak" in table and "classifier" in table


def test_the_number_of_threads_does_not_change_a_bit(threads):
    model, x, results = mg.models.TinyInception(), random((40, 8, 8, 1)), []
    for n in (1, 2, 3):
        threads(n)
        results.append(mg.compile(model, x.shape)(x))
    assert all(np.array_equal(y, results[0]) for y in results)


def test_a_plan_follows_the_number_of_threads(threads):
    model, x = nn.Conv2d(16, 16, 3, padding=1), random((8, 24, 24, 16))
    threads(1)
    plan = mg.compile(model, x.shape)
    one = plan(x)
    threads(7)
    assert np.array_equal(plan(x), one)


def test_a_plan_for_another_instruction_set_is_refused(isa):
    plan = mg.compile(mg.models.TinyInception(), (1, 8, 8, 1))
    for other in set(mg.kernels.native.machine.available_isas()) - {isa}:
        mg.kernels.native.machine.set_isa(other)
        with pytest.raises(RuntimeError, match=rf"compiled for {isa}, but the kernels use {other} now"):
            plan(random((1, 8, 8, 1)))
        mg.kernels.native.machine.set_isa(isa)


def test_a_plan_computes_the_same_as_the_tape_on_every_instruction_set(isa):
    assert_same(mg.models.TinyInception(), random((9, 8, 8, 1)))


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


def test_a_relu_is_folded_where_nobody_else_sees_what_came_before_it():
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
    """Concatenations of concatenations, of reshaped maps, of linear layers; 1x1 convolutions that nobody concatenates."""

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


def test_what_is_left_in_memory_by_an_earlier_run_does_not_matter():
    model, x = mg.models.GoogLeNet(num_classes=7, aux_heads=False), random((1, 64, 64, 3))
    plan = mg.compile(model, x.shape)
    for poison in (np.nan, np.inf, 1e30):
        for memory in (plan.program.arena, plan.program.scratch):
            memory.fill(poison)
        assert np.array_equal(plan(x), eager(model, x))


def test_no_two_buffers_that_live_at_the_same_time_overlap():
    program = mg.compile(mg.models.GoogLeNet(num_classes=7, aux_heads=False), (1, 64, 64, 3)).program
    buffers = list(program.lives.items())
    assert len(buffers) > 40 and all(buffer.offset % 16 == 0 for buffer, _ in buffers)
    for i, (a, (a_first, a_last)) in enumerate(buffers):
        assert a.offset + a.size <= program.arena.size
        for b, (b_first, b_last) in buffers[:i]:
            if a_first <= b_last and b_first <= a_last:
                assert a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
    assert program.arena.ctypes.data % 64 == 0 and program.constants.ctypes.data % 64 == 0


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 20), st.integers(0, 9)), max_size=20))
def test_buffers_of_any_size_and_life_are_placed_apart(drawn):
    arena = mg.kernels.native.arena
    lives = {arena.Buffer(size): (first, first + length) for size, first, length in drawn}
    total = arena.allocate(lives)
    memory = np.zeros((30, total), int)
    for buffer, (first, last) in lives.items():
        memory[first : last + 1, buffer.offset : buffer.offset + buffer.size] += 1
    assert memory.max(initial=0) <= 1
    assert total <= sum(-(-buffer.size // 16) * 16 for buffer in lives)


def test_calls_from_several_threads_take_turns():
    model, xs = mg.models.TinyInception(), [random((2, 8, 8, 1), seed) for seed in range(8)]
    plan, expected = mg.compile(model, xs[0].shape), [eager(model, x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert all(np.array_equal(y, e) for y, e in zip(pool.map(plan, xs), expected, strict=True))


def test_what_cannot_be_compiled_is_named():
    class Random(nn.Module):
        def forward(self, x):
            return ops.dropout(x, 0.5)

    class Constant(nn.Module):
        def __init__(self):
            self.value = nn.module.Parameter(np.ones((1, 2), np.float32))

        def forward(self, x):
            return ops.relu(self.value)

    with pytest.raises(NotImplementedError, match="compile: Dropout in evaluation is random"):
        mg.compile(Random(), (1, 2, 2, 1))
    with pytest.raises(ValueError, match="compile: output 0 of the model does not depend on its input"):
        mg.compile(Constant(), (1, 2, 2, 1))
    with pytest.raises(RuntimeError, match="nothing is recorded under no_grad"), mg.no_grad():
        mg.compile(nn.ReLU(), (1, 2, 2, 1))
    class Dictionary(nn.Module):
        def forward(self, x):
            return {"x": x}

    with pytest.raises(TypeError, match="compile: the model returned dict, expected a Tensor or a tuple"):
        mg.compile(Dictionary(), (1, 2, 2, 1))
    with pytest.raises(TypeError, match=r"compile: `model` is int, expected a Module"):
        mg.compile(3, (1, 2, 2, 1))


def test_an_input_with_gaps_is_refused():
    plan = mg.compile(nn.ReLU(), (2, 4, 4, 2))
    with pytest.raises(ValueError, match=r"plan: `x` has strides .*expected it dense"):
        plan(random((2, 4, 4, 4))[..., ::2])
    with pytest.raises(TypeError, match=r"plan: `x` is Tensor, expected a NumPy array"):
        plan(mg.Tensor(random((2, 4, 4, 2))))


def test_an_operation_without_a_kernel_runs_in_numpy_between_two_runs_of_c():
    gaps = nn.Sequential(nn.Inception(3, 4, 3, 6, 2, 5, 3), nn.Tanh())  # whose map has gaps between its pixels
    assert_same(gaps, random((2, 7, 7, 3)))
    plan = assert_same(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Tanh(), nn.Conv2d(8, 4, 1)), random((2, 7, 7, 3)))
    assert [step.algorithm for step in plan.steps] == ["direct", "NumPy", "direct"] and len(plan.program.runs) == 3
    assert (plan.seconds(random((2, 7, 7, 3)), repeats=2) > 0).all()


def test_a_plan_says_which_kernels_it_needs(monkeypatch):
    monkeypatch.setattr(mg.kernels, "native", None)
    with pytest.raises(RuntimeError, match="compile: the C kernels were not built"):
        mg.compile(nn.ReLU(), (1, 2, 2, 1))
