"""Compiled plans: what they keep, refuse and print; no buffer is used again while it is still needed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigoog as mg
from minigoog import nn, ops
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.plans import eager, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


def test_later_changes_of_the_model_are_not_seen():
    model, x = mg.models.TinyInception(), random((2, 8, 8, 1))
    plan, before = mg.compile(model, x.shape), eager(model, x)
    for parameter in model.parameters():
        parameter.data[...] = 0
    assert np.array_equal(plan(x), before)


class OnOneArray(nn.Module):
    """Operations that a plan runs in NumPy, with parameters; one writes to an array that belongs to the model."""

    def __init__(self):
        self.pattern = SparsePattern.from_mask(random((3, 3, 4, 6)) > 0.5)
        self.values, self.a, self.b = (nn.Parameter(random(shape)) for shape in (self.pattern.values_shape, (6,), (6,)))
        self.array = np.zeros((2, 8, 8, 6), np.float32)

    def forward(self, x):
        y = ops.sparse_conv2d(x, self.values, pattern=self.pattern, padding=1, out=self.array)
        return ops.batch_norm(ops.channel_affine(y, self.a, self.b), gamma=self.a, beta=self.b)


def test_operations_in_numpy_do_not_see_later_changes_either_and_leave_the_models_arrays_alone():
    model, x = OnOneArray(), random((2, 8, 8, 4))
    plan, before = mg.compile(model, x.shape), eager(model, x)
    model.array[...] = 0
    for parameter in model.parameters():
        parameter.data[...] = 0
    assert np.allclose(plan(x), before, atol=1e-6)  # not the same bits: a * x + b rounds once in C, twice in NumPy
    assert not model.array.any()


def test_compiling_keeps_no_memory_of_its_trial_run(pool):
    plan = mg.compile(mg.models.GoogLeNet(num_classes=7, aux_heads=False), (2, 64, 64, 3))
    assert pool.pooled_bytes() == 0
    plan(random((2, 64, 64, 3)))
    assert plan.program.arena_size * 4 < sum(buffer.size for buffer in plan.program.lives)  # what the maps would take side by side


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


def test_a_plan_does_not_depend_on_the_memory_of_an_earlier_run():
    model, x = mg.models.GoogLeNet(num_classes=7, aux_heads=False), random((1, 64, 64, 3))
    plan = mg.compile(model, x.shape)
    for poison in (np.nan, np.inf, 1e30):
        for memory in plan.memories:
            for array in memory.arrays.values():
                array.fill(poison)
        assert np.array_equal(plan(x), eager(model, x))


def test_no_two_buffers_that_live_at_the_same_time_overlap():
    program = mg.compile(mg.models.GoogLeNet(num_classes=7, aux_heads=False), (1, 64, 64, 3)).program
    buffers = list(program.lives.items())
    assert len(buffers) > 40 and all(buffer.offset % 16 == 0 for buffer, _ in buffers)
    for i, (a, (a_first, a_last)) in enumerate(buffers):
        assert a.offset + a.size <= program.arena_size
        for b, (b_first, b_last) in buffers[:i]:
            if a_first <= b_last and b_first <= a_last:
                assert a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
    assert program.constants.ctypes.data % 64 == 0


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


def test_calls_from_several_threads_at_once_do_not_meet():
    model, xs = mg.models.TinyInception(), [random((2, 8, 8, 1), seed) for seed in range(8)]
    plan, expected = mg.compile(model, xs[0].shape), [eager(model, x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert all(np.array_equal(y, e) for y, e in zip(pool.map(plan, xs), expected, strict=True))
    assert 1 <= len(plan.memories) <= 4


class Turned(mg.Op):
    """An operation of a user's own, which keeps an array for its results."""

    array = np.zeros((1, 4, 4, 2), np.float32)

    def forward(self, x):
        self.array[...] = x
        for _ in range(20):
            self.array[...] = self.array[:, ::-1]
        return self.array

    def backward(self, dy):
        return (dy,)


class InNumPy(nn.Module):
    """Operations without a rule, of the package and of a user's own."""

    def forward(self, x):
        return Turned()(ops.transpose(ops.transpose(x, (0, 2, 1, 3)), (0, 2, 1, 3)))


def test_calls_from_several_threads_at_once_do_not_meet_in_numpy_either():
    xs = [random((1, 4, 4, 2), seed) for seed in range(40)]
    plan = mg.compile(InNumPy(), xs[0].shape)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(y, x) for y, x in zip(pool.map(plan, xs), xs, strict=True))


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
    with pytest.raises(ValueError, match=r"plan: `x` has strides .*expected a dense array"):
        plan(random((2, 4, 4, 4))[..., ::2])
    with pytest.raises(TypeError, match=r"plan: `x` is Tensor, expected a NumPy array"):
        plan(mg.Tensor(random((2, 4, 4, 2))))


def test_a_plan_says_which_kernels_it_needs(monkeypatch):
    monkeypatch.setattr(mg.kernels, "native", None)
    with pytest.raises(RuntimeError, match="compile: the C kernels were not built"):
        mg.compile(nn.ReLU(), (1, 2, 2, 1))
