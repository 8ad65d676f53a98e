"""Calls of a plan on maps that are slices, each against the kernel that Python calls."""

import numpy as np
import pytest

from minigoog.kernels import native, reference
from tests.kernels.judge import same_bits
from tests.strategies import numbers

lib = pytest.importorskip("minigoog._native", reason="the C kernels were not built").lib
arena, plan, KINDS = native.arena, native.plan, native.activation.KINDS

SHAPE = (2, 5, 7, 40)
SETTINGS = {
    "clip": (-0.5, 1.0), "elu": (0.7,), "hard_sigmoid": (0.2, 0.5), "hard_swish": (), "leaky_relu": (0.1,), "relu": (), "sigmoid": (),
    "silu": (), "tanh": (1.7159, 2 / 3),
}


def run(x, make):
    """The output of the plan with the calls make(map of x, map of y)."""
    x_map, y_map = arena.new_map(SHAPE, arena.INPUT), arena.new_map(SHAPE, arena.OUTPUT)
    y = np.full(SHAPE, -7, np.float32)
    native.program.Program(make(x_map, y_map), native.machine.current()).run(x, [y])
    return y


def test_every_activation_has_a_function_a_gradient_and_a_reference():
    assert sorted(KINDS.values()) == list(range(lib.MG_NONE + 1, lib.MG_ACTIVATIONS)) and SETTINGS.keys() == KINDS.keys()
    for name in KINDS:
        for kernels in (native, reference):
            assert callable(getattr(kernels, name)) and callable(getattr(kernels, f"{name}_backward"))


@pytest.mark.parametrize("name", KINDS)
def test_an_activation_in_a_plan_has_the_bits_of_its_function(isa, name):
    x, settings = numbers(0, SHAPE), SETTINGS[name]
    y = run(x, lambda a, b: plan.activation((name, *settings), a, b))
    assert same_bits(y, getattr(native, name)(x, *settings))
    y = run(x, lambda a, b: plan.activation((name, *settings), a.channels(3, 21), b.channels(9, 21)))
    assert same_bits(y[..., 9:30].copy(), getattr(native, name)(x[..., 3:24].copy(), *settings))
    assert np.all(y[..., :9] == -7) and np.all(y[..., 30:] == -7), "wrote beside the slice"


def test_copy_and_add_take_slices(isa):
    x = numbers(0, SHAPE)
    y = run(x, lambda a, b: [*plan.copy(a.channels(0, 3), b.channels(8, 3)),
                             *plan.add(a.channels(1, 5), a.channels(35, 5), b.channels(11, 5))])
    assert same_bits(y[..., 8:11], x[..., :3]) and same_bits(y[..., 11:16], x[..., 1:6] + x[..., 35:])
    assert np.all(y[..., :8] == -7) and np.all(y[..., 16:] == -7), "wrote beside the slice"


def test_python_runs_between_the_calls_of_c_and_all_are_timed(native):
    x, seconds, (c, n) = numbers(0, SHAPE), np.full(4, -1.0), (arena.new_map(SHAPE), arena.new_map(SHAPE))
    x_map, y_map = arena.new_map(SHAPE, arena.INPUT), arena.new_map(SHAPE, arena.OUTPUT)
    calls = [*plan.activation(("relu",), x_map, c), *plan.python(np.negative, [(c, SHAPE)], n, SHAPE), *plan.add(n, x_map, n),
             *plan.copy(n, y_map)]
    program, y = native.program.Program(calls, native.machine.current()), np.empty(SHAPE, np.float32)
    program.run(x, [y], seconds)
    assert program.runs == [[0], [1], [2, 3]] and np.all(seconds >= 0)
    assert np.array_equal(y, x - np.maximum(x, 0))
