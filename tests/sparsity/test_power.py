"""How many seeds would decide what is undecided."""

import math

import pytest

from minigoog.sparsity.accuracy.demonstration import better, no_worse
from minigoog.sparsity.runner.verdicts import Margin, needed


def two_errors(deviation, seeds):
    return 2 * math.sqrt(2 * deviation**2 / seeds)


@pytest.mark.parametrize("distance, deviation, seeds", [(0.3, 1.0, 3), (1.2, 0.8, 5), (0.05, 0.4, 3)])
def test_so_many_seeds_and_no_fewer_make_the_interval_narrow_enough(distance, deviation, seeds):
    n = needed(seeds, two_errors(deviation, seeds), distance)
    assert two_errors(deviation, n) <= distance < two_errors(deviation, n - 1)


def test_a_value_on_the_border_needs_no_number():
    assert needed(3, 1.0, 0.0) == 0


def result(by, deviation, seeds=3):
    rows = [{"network": name, "axis": "time", "mean": mean, "deviation": deviation, "accuracy": [mean] * seeds}
            for name, mean in (("a", 0.7 + by), ("b", 0.7))]  # fmt: skip
    return {"networks": rows}


@pytest.mark.parametrize("question, by", [(better, 0.003), (better, 0.009), (no_worse, -0.007), (no_worse, -0.016)])
def test_with_that_many_seeds_the_same_means_answer_the_question(question, by):
    margin = question(result(by, 0.012), "a", "b", "time")
    assert margin.answer is None and f"undecided: about {margin.seeds:,} seeds would decide" in margin.words
    assert question(result(by, 0.012, margin.seeds + 1), "a", "b", "time").answer is not None
    assert question(result(by, 0.012, margin.seeds - 2), "a", "b", "time").answer is None


def test_what_is_decided_says_nothing_of_seeds():
    margin = better(result(0.05, 0.01), "a", "b", "time")
    assert margin.answer is True and margin.seeds == 0 and "seeds" not in margin.words
    assert Margin("a", 0.2, 0.0, 0.5, None).power == ""
