"""Nine modules, naive and reduced: counts against table 1 and the formulas, and the verdict's rule."""

import numpy as np
import pytest

from minigoog.models.googlenet import TABLE_1
from minigoog.sparsity.inception import blow_up
from minigoog.sparsity.inception.blow_up import BLOW_UP, SIDES
from minigoog.sparsity.runner.demonstration import Setting

# The paper's table 1, computed from its columns: weights without biases, and multiply-adds in millions.
REDUCED = {"3a": (163_328, 128.0), "3b": (388_096, 304.3), "4a": (375_552, 73.6), "4b": (448_512, 87.9), "4c": (509_440, 99.9),
           "4d": (604_672, 118.5), "4e": (867_328, 170.0), "5a": (1_042_432, 51.1), "5b": (1_442_816, 70.7)}
NAIVE_CHANNELS = [192, 416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return BLOW_UP.measure(Setting(tmp_path_factory.mktemp("blow_up"), say=lambda line: None))


def test_reduced_modules_cost_what_table_1_gives(numbers):
    found = {row["module"]: (row["weights"], round(row["multiply_adds"] / 1e6, 1)) for row in numbers["reduced"]}
    assert found == REDUCED
    assert sum(row["weights"] + row["biases"] for row in numbers["reduced"]) == 5_849_136


def test_naive_modules_cost_what_the_formulas_give(numbers):
    """S^2 C (n1 + 9 n3 + 25 n5), and n1 + n3 + n5 channels more than came in."""
    assert [numbers["naive"][0]["in"]] + [row["out"] for row in numbers["naive"]] == NAIVE_CHANNELS
    for found, (row, _, n1, _, n3, _, n5, _) in zip(numbers["naive"], TABLE_1, strict=True):
        weights = found["in"] * (n1 + 9 * n3 + 25 * n5)
        assert (found["weights"], found["multiply_adds"]) == (weights, SIDES[row[0]] ** 2 * weights)
    assert blow_up.total(numbers["naive"]) == pytest.approx(12.085e9, rel=1e-4)
    assert blow_up.total(numbers["naive"], "weights") == pytest.approx(92.5e6, rel=1e-3)


def test_with_a_projection_alone_channels_are_those_of_the_table(numbers):
    for found, (row, cin, n1, _, n3, _, n5, pool) in zip(numbers["projected"], TABLE_1, strict=True):
        assert (found["in"], found["out"]) == (cin, n1 + n3 + n5 + pool)
        assert found["multiply_adds"] == SIDES[row[0]] ** 2 * cin * (n1 + 9 * n3 + 25 * n5 + pool)
    assert blow_up.total(numbers["projected"]) == pytest.approx(3.948e9, rel=1e-3)


def test_a_reduction_pays_where_it_saves_multiply_adds():
    for cin, reduce, k, cout in np.random.default_rng(0).integers(1, 60, (200, 4)).tolist():
        saves = cin * reduce + k * k * reduce * cout < k * k * cin * cout
        assert blow_up.reduction_pays(cin, reduce, k, cout) == saves
    assert blow_up.reduction_pays(192, 16, 5, 32) and not blow_up.reduction_pays(192, 192, 5, 32)


@pytest.mark.parametrize("naive, paying, verdict", [
    ((1, 1, 5, 45), 18, "holds"),
    ((1, 1, 4, 45), 18, "holds partly"),  # not within a few modules
    ((1, 1, 5, 45), 17, "holds partly"),  # a reduction that costs
    ((1, 1, 5, 12), 18, "holds partly"),
    ((1, 1, 1, 3), 18, "contradicted"),
])
def test_the_verdict_on_the_blow_up_follows_its_rule(naive, paying, verdict):
    def rows(costs):
        return [{"module": f"{i}", "in": 1, "out": 2, "weights": 1, "multiply_adds": cost} for i, cost in enumerate(costs)]

    numbers = {"naive": rows(naive), "projected": rows(naive), "reduced": rows([1, 1, 1, 1]), "paying": [paying, 18]}
    assert BLOW_UP.judge(numbers)[0] == verdict
