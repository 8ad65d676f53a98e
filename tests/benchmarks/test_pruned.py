"""benchmarks/pruned.py: its contests and the density that it derives from them. Nothing here looks at a time."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: nothing to benchmark")


def test_plans_take_turns_and_are_described(load):
    pruned = load("pruned")
    mg.manual_seed(0)
    dense = nn.Conv2d(192, 128, 1).eval()
    plans = {"dense": mg.compile(dense, (1, 9, 9, 192))}
    plans["pruned"] = mg.compile(nn.prune(nn.Conv2d(192, 128, 1).eval(), 0.1, block=32), (1, 9, 9, 192))
    for seconds in (None, pruned._kernel_seconds):
        rows = pruned.contest(plans, np.ones((1, 9, 9, 192), np.float32), 2, seconds)
        assert [row["plan"] for row in rows] == ["dense", "pruned"] and rows[0]["ratio"] == rows[0]["of_fastest"] == 1
        assert [row["algorithms"] for row in rows] == [{"direct": 1}, {"blocks of 32": 1}] and rows[1]["ms"] > 0


def test_a_break_even_is_between_the_densities_that_were_measured(load):
    pruned = load("pruned")
    rows = [{"plan": f"weights, {density}", "ratio": ratio} for density, ratio in (("10%", 0.5), ("30%", 0.77), ("50%", 1.17))]
    assert pruned.break_even(rows, "weights") == pytest.approx(0.4)
    assert pruned.break_even(rows[:2], "weights") == 0.3 and pruned.break_even([], "weights") == 0
