"""Modes belong to a thread: two that overlap do not disturb each other."""

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels, rng
from minigoog.tensor import is_recording


def recording_is_off():
    return not is_recording()


def on_reference():
    return kernels.backend == "reference" and kernels.relu is kernels.reference.relu


MODES = {"no_grad": (mg.no_grad, recording_is_off)}
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
