"""Modes belong to a thread or an asynchronous task: two that overlap do not disturb each other."""

import ast
import asyncio
import contextvars
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels, rng, writes
from minigoog.tensor import is_recording


def recording_is_off():
    return not is_recording()


def on_reference():
    return kernels.backend == "reference" and kernels.relu is kernels.reference.relu


MODEL = mg.nn.Sequential(mg.nn.Dropout(0.5))


def in_evaluation():
    return not MODEL.training and not next(MODEL.children()).training


MODES = {"no_grad": (mg.no_grad, recording_is_off), "evaluation_mode": (lambda: mg.nn.evaluation_mode(MODEL), in_evaluation)}
if kernels.native:
    MODES["kernels.use"] = (lambda: kernels.use("reference"), on_reference)


@pytest.mark.parametrize("name", MODES)
def test_two_overlapping_threads_each_have_their_own_mode(name):
    """The first leaves while the second is inside; each then leaves the mode as it was."""
    mode, active = MODES[name]
    steps = [threading.Event() for _ in range(3)]
    seen = {}

    def first():
        with mode():
            steps[0].set()
            assert steps[1].wait(60)
            seen["first, inside"] = active()
        seen["first, after"] = active()
        steps[2].set()

    def second():
        assert steps[0].wait(60)
        seen["second, before"] = active()
        with mode():
            steps[1].set()
            assert steps[2].wait(60)
            seen["second, inside"] = active()
        seen["second, after"] = active()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result(timeout=120)
    assert seen == {"first, inside": True, "first, after": False, "second, before": False, "second, inside": True, "second, after": False}
    assert not active()


@pytest.mark.parametrize("name", MODES)
def test_a_new_thread_starts_without_the_mode_and_with_a_copied_context_has_it(name):
    mode, active = MODES[name]
    with ThreadPoolExecutor(1) as pool, mode():
        assert not pool.submit(active).result() and active()
        assert pool.submit(contextvars.copy_context().run, active).result()


@pytest.mark.parametrize("name", MODES)
def test_a_mode_ends_after_an_error_and_nests(name):
    mode, active = MODES[name]
    with pytest.raises(ZeroDivisionError), mode():
        with mode():
            assert active()
        assert active()
        1 / 0  # noqa: B018
    assert not active()


@pytest.mark.parametrize("name", MODES)
def test_each_asynchronous_task_has_its_own_mode(name):
    mode, active = MODES[name]

    async def task(inside, other):
        with mode():
            inside.set()
            await other.wait()  # both tasks are inside
            assert active()
        assert not active()

    async def main():
        a, b = asyncio.Event(), asyncio.Event()
        started_inside = []
        with mode():
            started_inside.append(asyncio.create_task(later(active)))
        await asyncio.gather(task(a, b), task(b, a))
        assert await started_inside[0] and not active()

    async def later(active):
        return active()  # runs after the block in which the task was started has ended

    asyncio.run(main())
    assert not active()


@pytest.mark.parametrize("name", MODES)
def test_generators_suspended_in_a_mode_may_end_in_any_order(name):
    mode, active = MODES[name]

    def suspended():
        with mode():
            yield active()
            yield active()

    first, second = suspended(), suspended()
    assert next(first) and next(second) and active(), "the caller of a suspended generator has its mode"
    first.close()
    assert next(second) and active()
    second.close()
    assert not active()
    third = suspended()
    assert contextvars.copy_context().run(next, third)
    third.close()  # in another context than it was entered
    assert not active()


@pytest.mark.parametrize("name", MODES)
def test_a_block_that_ends_in_another_context_than_it_began_in_ends(name):
    """asyncio ends a generator that a task has left in another task; a generator may be closed by another thread."""
    mode, active = MODES[name]

    async def suspended():
        with mode():
            yield active()

    async def leave_it():
        async for inside in suspended():
            assert inside
            break
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not active()
        with mode():
            assert active()
        assert not active()

    asyncio.run(leave_it())

    def generator():
        with mode():
            yield active()

    entered = generator()
    assert next(entered) and active()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(entered.close).result()
    assert not active()


def test_a_model_may_be_evaluated_while_another_thread_trains_it():
    model = mg.nn.Dropout(0.5)
    x = mg.Tensor(np.ones(100, np.float32))
    with ThreadPoolExecutor(1) as pool, mg.nn.evaluation_mode(model):
        assert model(x) is x
        trained = pool.submit(model, x).result().data
        assert set(trained.tolist()) == {0.0, 2.0}
        model.train()
        assert not model.training
    assert model.training


def test_numbers_drawn_by_others_are_not_repeated_after_undisturbed():
    with ThreadPoolExecutor(1) as pool:
        with rng.undisturbed():
            inside, outside = rng.take(4), pool.submit(rng.take, 4).result()
            numbers = rng.generator().standard_normal(3), pool.submit(lambda: rng.generator().standard_normal(3)).result()
        assert inside == outside and np.array_equal(*numbers)  # of the copy, and of the stream
        assert rng.take(4) == (inside[0], inside[1] + 4) and not np.array_equal(rng.generator().standard_normal(3), numbers[0])


def test_only_modes_py_has_context_variables():
    source = Path(mg.__file__).parent
    users = [path.name for path in source.rglob("*.py") if "ContextVar(" in path.read_text()]
    assert users == ["modes.py"]


CHANGED_IN_PLACE = {  # a `global` statement: what protects it
    "_current": "machine.py: replaced under a lock, read once",
    "_alone": "machine.py: set by the child of a fork, before anything else runs there",
    "_latest": "writes.py: under a lock",
}


def test_every_variable_of_a_module_that_functions_change_is_known():
    found = set()
    for path in Path(mg.__file__).parent.rglob("*.py"):
        if "global " in (text := path.read_text()):
            found |= {name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Global) for name in node.names}
    assert found == CHANGED_IN_PLACE.keys()


def test_kernels_are_looked_up_when_they_are_called(native):
    x = np.ones(3)
    with pytest.raises(TypeError, match="expected float32"):
        kernels.relu(x)
    with kernels.use("reference"):
        assert kernels.relu(x).dtype == np.float64
    assert kernels.relu is native.relu
    with pytest.raises(AttributeError, match="module 'minigoog.kernels' has no attribute 'conv3d'"):
        kernels.conv3d  # noqa: B018


def test_threads_never_take_the_same_random_numbers():
    mg.manual_seed(0)
    with ThreadPoolExecutor(8) as pool:
        offsets = list(pool.map(lambda _: rng.take(4)[1], range(2000)))
    assert sorted(offsets) == list(range(0, 8000, 4))


def test_two_threads_that_watch_one_array_lose_no_write(monkeypatch):
    """The second to enter finds the record of the first."""
    a, lock = np.zeros(3), writes._lock

    class Taken:
        def __enter__(self):
            monkeypatch.setattr(writes, "_lock", lock)
            writes.watch(a)
            writes.note(a, "the other thread")

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(writes, "_lock", Taken())
    writes.watch(a)
    assert writes.since(a, 0) == "the other thread"
