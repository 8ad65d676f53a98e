"""Reading a trained network: its measures, the judge's rule, and the network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.models.googlenet import TABLE_1
from minigoog.sparsity.depth import plain_stack
from minigoog.sparsity.depth.demonstration import DEPTH
from minigoog.sparsity.depth.measures import CONDITIONS, METHODS, mean_extent, spread, table_1_ratios, trend
from minigoog.tensor import Tensor


@given(values=st.lists(st.integers(0, 5), min_size=3, max_size=9))
def test_the_trend_is_spearmans_correlation_with_depth(values):
    ranks = [sum(v < value for v in values) + (values.count(value) - 1) / 2 for value in values]
    expected = np.corrcoef(ranks, range(len(values)))[0, 1] if len(set(values)) > 1 else 0
    assert trend(values) == pytest.approx(expected)


def test_a_trend_needs_three_layers_and_passes_over_those_without_a_number():
    assert trend([1.0, 2.0]) == trend([1.0, float("nan"), 2.0]) == trend([]) == 0
    assert trend([1.0, float("nan"), 2.0, 3.0]) == 1


def test_extents_are_weighted_by_units():
    assert mean_extent([{"extent": 1, "units": 6}, {"extent": 5, "units": 2}]) == 2
    assert np.isnan(mean_extent([]))


def test_table_1s_ratios_are_those_of_its_rows():
    """Counted by hand from table 1: 3a (128 + 32) / 64, 4d (288 + 64) / 112."""
    ratios = dict(zip((row[0] for row in TABLE_1), table_1_ratios(), strict=True))
    assert ratios["3a"] == 2.5 and ratios["4d"] == pytest.approx(3.142857) and ratios["5b"] == pytest.approx(512 / 384)


def numbers(trained, scrambled, kept_by_shuffling=0):
    """Made-up numbers of one network, in which every measure of a layer is the given one."""

    def row(value, clusters=10):
        facts = [{"extent": value, "units": 4, "channels": [0]}] * clusters
        at = {"cross": [1.0, value / 5, value / 10], "same": [1.0, 0.1, 0.1]}
        return {"channels": 8, "live": 8, "rings": at, "thresholds": [0.1, 0.1], "clusters": dict.fromkeys(METHODS, facts)}

    layers = dict(zip(CONDITIONS, ([row(v) for v in trained], [row(v) for v in scrambled], [row(v) for v in scrambled],
                                   [row(v, kept_by_shuffling) for v in trained]), strict=True))
    return {"plan": {}, "photographs": False, "networks": [{"accuracy": 0.5, "layers": layers}]}


@pytest.mark.parametrize("trained, scrambled, shuffled, verdict", [
    ((1, 2, 3, 4), (1, 1, 1, 1), 0, "holds"),
    ((4, 3, 2, 1), (1, 1, 1, 1), 0, "contradicted"),
    ((1, 2, 3, 4), (1, 3, 5, 7), 0, "contradicted"),  # the spectrum of the images alone spreads more
    ((1, 2, 3, 4), (1, 1, 1, 1), 5, "undecided"),  # the tool finds clusters where there are none
])
def test_the_verdict_follows_the_rule(trained, scrambled, shuffled, verdict):
    assert DEPTH.judge(numbers(trained, scrambled, shuffled))[0] == verdict


def test_one_measure_of_three_holds_partly():
    made_up = numbers((1, 2, 3, 4), (1, 1, 1, 1))
    for row in made_up["networks"][0]["layers"][CONDITIONS[0]]:
        row["rings"]["cross"] = [1.0, 0.5, 0.5]  # the reach is the same everywhere
        row["clusters"] = row["clusters"] | {METHODS[1]: [{"extent": 3, "units": 4, "channels": [0]}]}
    assert DEPTH.judge(made_up)[0] == "holds partly"
    assert spread(made_up["networks"][0]["layers"][CONDITIONS[0]][0]) == 0.5


@pytest.mark.parametrize("shape, layers", [((8, 8, 1), 4), ((32, 32, 3), 6)])
def test_the_stack_gives_the_maps_of_each_convolution_and_logits(shape, layers):
    model = plain_stack.new_stack(0, shape, 10)
    images = np.random.default_rng(0).standard_normal((3, *shape), np.float32)
    maps = plain_stack.layer_maps(model, images)
    assert len(maps) == layers and all(len(x) == 3 and x.min() >= 0 for x in maps)
    assert model(Tensor(images)).shape == (3, 10)
