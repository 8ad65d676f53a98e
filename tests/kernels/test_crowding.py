"""Runs of plans leave out a thread while another process keeps its core busy, and no longer."""

import multiprocessing

import numpy as np
import pytest

import minigoog as mg
from tests.plans import random

if mg.kernels.native is None:
    pytest.skip("the C kernels are not in use", allow_module_level=True)

from minigoog.kernels.native import crowding, machine


def test_a_thread_is_left_out_after_a_crowded_run_and_tried_again_later_and_later():
    found, now = crowding.Crowding(), 10.0
    assert found.at(now) == 0
    found.ended(0, True, now)
    for patience in (0.05, 0.1, 0.2, 0.4, 0.5, 0.5):
        assert found.at(now) == found.at(now + 0.99 * patience) == 1
        found.ended(1, False, now + 0.5 * patience)  # a run without it changes nothing
        now += 1.01 * patience
        assert found.at(now) == 0
        found.ended(0, True, now)
    found.ended(0, False, now + 1)
    assert found.at(now + 1) == 0 and found.patience == crowding.SHORTEST


def test_threads_are_left_out_one_by_one_and_come_back_so():
    found = crowding.Crowding()
    found.ended(0, True, 1.0)
    found.ended(1, True, 1.01)
    assert found.at(1.02) == 2 and found.at(1.1) == 1
    found.ended(1, False, 1.1)
    assert found.at(1.11) == 1 and found.at(1.2) == 0


def test_no_run_is_left_without_a_thread():
    found = crowding.Crowding()
    found.left_out, found.until = 5, np.inf
    with found.run(machine.new(machine.isa(), 2)) as m:
        assert m.threads == 1
    with found.run(machine.new(machine.isa(), 1)) as m:
        assert m.threads == 1


@pytest.fixture
def few(monkeypatch):
    """The limit that tests are otherwise without."""
    monkeypatch.setattr(crowding, "FEW", 8)


def test_switches_of_threads_decide(few, monkeypatch):
    found, counts = crowding.Crowding(), iter([0, 8, 10, 1000])
    monkeypatch.setattr(crowding, "_switches", lambda: next(counts))
    for expected in (0, 1):
        with found.run(machine.new(machine.isa(), 2)):
            pass
        assert found.left_out == expected


def test_a_plan_has_the_same_bits_whatever_is_left_out(monkeypatch):
    plan, x = mg.compile(mg.models.TinyInception(), (2, 8, 8, 1)), random((2, 8, 8, 1))
    expected = plan(x)
    crowded = crowding.Crowding()
    crowded.left_out, crowded.until = 1, np.inf
    monkeypatch.setattr(crowding, "of_process", crowded)
    assert np.array_equal(plan(x), expected)


def _spin():
    while True:
        pass


@pytest.mark.slow
@pytest.mark.skipif(machine.threads() < 2, reason="one core: no thread to leave out")
def test_a_busy_neighbour_is_noticed(few):
    plan, x = mg.compile(mg.models.GoogLeNet(aux_heads=False).eval(), (1, 224, 224, 3)), random((1, 224, 224, 3))
    neighbours = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(machine.threads() - 1)]
    for process in neighbours:
        process.start()
    try:
        left_out = []
        for _ in range(100):
            plan(x)
            left_out.append(crowding.of_process.left_out)
    finally:
        for process in neighbours:
            process.kill()
    assert max(left_out) > 0
