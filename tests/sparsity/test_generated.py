"""From clusters to modules: shares, reductions that pay, budgets that are met, and what is said of the topology."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.sparsity.accuracy.budget import multiply_adds, width_for
from minigoog.sparsity.accuracy.demonstration import AXES
from minigoog.sparsity.accuracy.networks import Task
from minigoog.sparsity.depth.allocation import ALLOCATION, FOUND, REVERSED
from minigoog.sparsity.depth.generated import (
    LEAST_SHARE,
    UNIFORM,
    Allocation,
    allocate,
    generated,
    mean_allocation,
    module_widths,
    reduction,
)
from minigoog.tensor import Tensor


def cluster(extent, units, *channels):
    return {"extent": extent, "units": units, "channels": list(channels)}


def test_filters_follow_the_units_and_reductions_the_channels_of_the_clusters():
    found = allocate([cluster(1, 4, 0, 1), cluster(3, 6, 2, 3), cluster(3, 4, 3, 4), cluster(5, 6, 5, 6, 7)], 10)
    assert found.filters == pytest.approx((0.2, 0.5, 0.3))
    assert found.reduce3 == pytest.approx(0.3) and found.reduce5 == pytest.approx(0.3)


def test_a_size_without_clusters_keeps_the_least_share():
    found = allocate([cluster(3, 10, 0, 1)], 4)
    assert found.filters == pytest.approx(tuple(x / (1 + 2 * LEAST_SHARE) for x in (LEAST_SHARE, 1, LEAST_SHARE)))
    assert allocate([], 4).filters == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_the_mean_of_allocations_is_that_of_each_share():
    mean = mean_allocation([Allocation((0.2, 0.3, 0.5), 0.1, 0.4), Allocation((0.4, 0.5, 0.1), 0.3, 0.2)])
    assert mean.filters == pytest.approx((0.3, 0.4, 0.3)) and (mean.reduce3, mean.reduce5) == pytest.approx((0.2, 0.3))


@given(share=st.floats(0, 1), k=st.sampled_from([3, 5]), cin=st.integers(1, 300), n=st.integers(1, 300))
def test_a_reduction_never_costs_more_than_it_saves(share, k, cin, n):
    r = reduction(share, k, cin, n)
    assert 1 <= r <= cin
    assert r == 1 or r * cin + k * k * r * n <= k * k * cin * n


@given(cout=st.integers(30, 400), cin=st.integers(8, 400))
def test_a_module_has_about_the_requested_channels(cout, cin):
    n1, _, n3, _, n5, pool = module_widths(UNIFORM, cin, cout)
    assert abs(n1 + n3 + n5 + pool - cout) <= 2


@pytest.mark.parametrize("task, modules, budget", [(Task(8, 1, 10), 3, 3e5), (Task(32, 3, 10), 5, 3e6)])
def test_the_generated_network_meets_a_budget_and_gives_logits(task, modules, budget):
    def build(width, task):
        return generated([Allocation((0.1, 0.3, 0.6), 0.4, 0.3)] * modules, width, task)

    model = build(width_for(build, budget, task), task)
    assert multiply_adds(model, task.shape) == pytest.approx(budget, rel=0.05)
    assert model(Tensor(np.zeros((2, *task.shape), np.float32))).shape == (2, 10)


@pytest.mark.parametrize("uniform, upside_down, verdict", [
    (0.60, 0.60, "holds"), (0.70, 0.60, "holds partly"), (0.60, 0.70, "holds partly"),
    (0.70, 0.70, "contradicted"),
    (0.75, 0.60, "contradicted"),  # losing to the uniform topology is no better topology
])  # fmt: skip
def test_the_verdict_on_a_topology_follows_the_rule(uniform, upside_down, verdict):
    means = {FOUND: 0.70, "uniform": uniform, REVERSED: upside_down, "table 1": 0.7}
    rows = [{"network": name, "axis": AXES[0], "mean": mean, "deviation": 0.001, "accuracy": [mean] * 3} for name, mean in means.items()]
    assert ALLOCATION.judge({"networks": rows})[0] == verdict
