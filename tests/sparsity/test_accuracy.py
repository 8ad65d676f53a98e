"""The comparison at equal budgets: what is equal, and what follows from the numbers."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels
from minigoog.sparsity.accuracy import budget, experiment
from minigoog.sparsity.accuracy import demonstration as accuracy
from minigoog.sparsity.accuracy.budget import multiply_adds, width_for
from minigoog.sparsity.accuracy.experiment import AXES, PLANS, Experiment, Plan
from minigoog.sparsity.accuracy.networks import NETWORKS, Task
from minigoog.sparsity.runner.demonstration import Setting

TASKS = {True: Task(32, 3, 10), False: Task(8, 1, 10)}  # photographs, digits


def test_multiply_adds_are_those_that_the_modules_count_themselves():
    assert multiply_adds(mg.models.GoogLeNet(aux_heads=False), (224, 224, 3)) == 1_582_671_872  # as in the README


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("photographs", "quick"), PLANS)
def test_each_network_meets_the_budget_within_3_percent(name, photographs, quick):
    budget, task = PLANS[photographs, quick].million_multiply_adds * 1e6, TASKS[photographs]
    width = width_for(NETWORKS[name], budget, task)
    assert multiply_adds(NETWORKS[name](width, task), task.shape) == pytest.approx(budget, rel=0.03)


def test_a_budget_that_no_width_reaches_is_refused():
    with pytest.raises(ValueError, match="`budget` is 1,000,000,000,000,000 multiply-adds"):
        width_for(lambda width, task: mg.nn.Conv2d(1, 10, 1), 1e15, TASKS[False])


def test_the_random_pattern_differs_from_the_clustered_one_in_its_places_alone():
    width, task = 0.25, TASKS[True]
    sparse, dense = (NETWORKS[name](width, task) for name in ("random 5x5", "clustered"))
    assert sum(p.size for p in sparse.parameters()) == sum(p.size for p in dense.parameters())
    assert multiply_adds(sparse, task.shape) == multiply_adds(dense, task.shape)
    patterns = [module.pattern for _, module in sparse.named_modules() if isinstance(module, mg.nn.SparseConv2d)]
    assert len(patterns) == 3 and all(0.3 < pattern.density < 0.4 for pattern in patterns)


def test_a_random_mask_inside_branches_leaves_half_of_each_and_room_for_a_wider_network():
    task = TASKS[True]
    model, dense = (NETWORKS[name](0.25, task) for name in ("random in branches", "clustered"))
    patterns = [module.pattern for _, module in model.named_modules() if isinstance(module, mg.nn.SparseConv2d)]
    assert [pattern.shape[:2] for pattern in patterns] == 3 * [(1, 1), (3, 3), (5, 5)]
    assert all(pattern.density == pytest.approx(0.5, abs=1e-3) for pattern in patterns)
    assert 0.5 < multiply_adds(model, task.shape) / multiply_adds(dense, task.shape) < 0.6  # the stem and the head are whole
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, *task.shape)).astype(np.float32))
    assert model.block0(model.pool1(model.stem1(model.pool0(model.stem0(x))))).shape == (2, 8, 8, 56)


def test_the_reduced_network_has_at_least_8_channels_before_its_5x5():
    reducers = [m.branch5x5.reduce for _, m in NETWORKS["reduced"](0.05, TASKS[False]).named_modules() if isinstance(m, mg.nn.Inception)]
    assert [conv.out_channels for conv in reducers] == [8, 8, 8]


def numbers(**means):
    """Results in which every network not named has 70%, and three seeds differ by half a point."""
    rows = [
        {"network": name, "axis": axis, "mean": mean, "deviation": 0.005, "accuracy": [mean] * 3}
        for axis in AXES
        for name, mean in (dict.fromkeys(NETWORKS, 0.7) | {key.replace("_", " "): value for key, value in means.items()}).items()
    ]
    return {"networks": rows}


@pytest.mark.parametrize(("means", "verdict"), [
    ({"reduced": 0.75}, "holds"),
    ({"reduced": 0.75, "multi-branch": 0.76}, "holds partly"),
    ({"reduced": 0.707}, "undecided"),  # two standard errors of a difference are 0.8 points
    ({"reduced": 0.69}, "contradicted"),
])  # fmt: skip
def test_the_verdict_on_the_reduction_follows_from_the_means(means, verdict):
    assert accuracy.judge_reduction(numbers(**means))[0] == verdict


@pytest.mark.parametrize(("means", "verdict"), [
    ({"clustered": 0.75}, "holds"),
    ({}, "holds partly"),
    ({"clustered": 0.75, "random 5x5": 0.78}, "holds partly"),
    ({"clustered": 0.692}, "undecided"),  # 0.8 points worse, and perhaps 1.6
    ({"clustered": 0.67}, "contradicted"),
])  # fmt: skip
def test_the_verdict_on_the_patterns_follows_from_the_means(means, verdict):
    assert accuracy.judge_patterns(numbers(**means))[0] == verdict


def test_margins_say_how_near_each_answer_is():
    said = accuracy.judge_reduction(numbers(reduced=0.707))
    assert [margin.answer for margin in said.margins] == 4 * [None]
    words = "reduced better than multi-branch at equal multiply-adds: 0.7 ± 0.816 points, threshold 0.5 points"
    assert said.margins[0].words == f"{words}; undecided: about 5 seeds would decide"


def test_networks_that_are_not_at_equal_milliseconds_are_marked():
    found = numbers() | {"ms": 1.02}
    for row in found["networks"]:
        row |= {"ms": 1.9 if (row["network"], row["axis"]) == ("naive", AXES[1]) else 1.02, "multiply_adds": 1e6, "parameters": 1,
                "rate": 0.1, "train_mean": 0.8}  # fmt: skip
    assert accuracy.judge_reduction(found).why.endswith(" Not at equal milliseconds: naive +86%.")
    cells = [line[3] for line in accuracy.table(found)[1]]
    assert cells.count("1.900 (+86%: not equal)") == 1 and cells.count("1.020") == len(cells) - 1


def measured(monkeypatch, time_of):
    """(what equal_in_time finds for networks whose time is `time_of(name, width)`, how often it measured)."""
    asked = []
    monkeypatch.setattr(budget, "timed", lambda builds, task: asked.append(builds) or {key: time_of(*key) for key in builds})
    start = {"reference": 0.5, "slow": 0.5, "fast": 0.25}
    return budget.equal_in_time(dict.fromkeys(start), start, "reference", None), len(asked)


def test_networks_are_measured_again_until_they_take_as_long_as_the_reference(monkeypatch):
    factors = {"reference": 4.0, "slow": 11.0, "fast": 2.0}
    (widths, ms), n = measured(monkeypatch, lambda name, width: factors[name] * (0.05 + width**2))
    assert widths["reference"] == 0.5 and len(ms) == 5 and 1 < n <= budget.TRIES
    assert all(ms[name, width] == pytest.approx(ms["reference", 0.5], rel=budget.EQUAL) for name, width in widths.items())


def test_times_that_cannot_be_made_equal_are_measured_a_bounded_number_of_times(monkeypatch):
    (widths, ms), n = measured(monkeypatch, lambda name, width: 2.0 if name == "slow" else 1.0)
    assert n == budget.TRIES + 1 and ms["slow", widths["slow"]] == 2 * ms["reference", 0.5] and widths["fast"] == 0.25


def test_a_slow_round_changes_no_ratio():
    times = {"a": [1.0, 3.0, 1.0, 1.0, 1.0], "b": [2.0, 6.0, 9.0, 2.0, 2.0], "c": [4.0, 12.0, 4.0, 4.0, 4.0]}
    assert budget.undisturbed(times) == {"a": 0.5 * 2.0, "b": 2.0, "c": 4.0}


def test_the_whole_comparison_runs_and_resumes_from_stored_results(tmp_path, monkeypatch):
    if kernels.native is None:
        pytest.skip("milliseconds are those of compiled networks, which need the C kernels")
    monkeypatch.setitem(PLANS, (False, True), Plan(0.4, 96, 16, 50, 1, (0.03, 0.1), 48, 2))
    for name, value in {"TRIES": 1, "ROUNDS": 1, "BATCH": 1}.items():
        monkeypatch.setattr(budget, name, value)
    setting = Setting(tmp_path / "accuracy", quick=True, say=lambda line: None)
    first = accuracy.measure(setting)
    monkeypatch.setattr(experiment, "learn", None)  # a second run trains nothing
    second = accuracy.measure(Setting(tmp_path / "patterns", quick=True, say=lambda line: None))
    assert accuracy.table(first) == accuracy.table(second)
    some = accuracy.PATTERN.measure(Setting(tmp_path / "patterns", quick=True, say=lambda line: None))  # with the same runs, fewer networks
    assert some["networks"] == [row for row in first["networks"] if row["network"] in accuracy.PATTERNS] and some["ms"] == first["ms"]
    assert accuracy.judge_patterns(some).margins == accuracy.judge_patterns(first).margins
    assert {(row["network"], row["axis"]) for row in first["networks"]} == {(name, axis) for name in NETWORKS for axis in AXES}
    assert all(0 <= accuracy <= 1 for row in first["networks"] for accuracy in row["accuracy"] + row["train_accuracy"])
    assert all(set(tried) == {0.03, 0.1} for tried in first["tuning"].values())
    assert accuracy.judge_reduction(first)[1].count("points") == 6
    monkeypatch.setattr(Experiment, "train", lambda self, name, width, seed, rate: {"accuracy": float(seed), "train_accuracy": 0.5})
    third = accuracy.measure(Setting(tmp_path / "patterns", quick=True, seeds=4, say=lambda line: None))  # two more of each are trained
    assert third["plan"]["seeds"] == 4
    for before, row in zip(first["networks"], third["networks"], strict=True):
        assert row["accuracy"] == [*before["accuracy"], 2.0, 3.0] and row["width"] == before["width"]


def test_figure_f9_has_a_point_for_each_network_and_budget(tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'minigoog[plots]'")
    from matplotlib.figure import Figure

    figure, shown = Figure(), numbers()
    shown["networks"] = [row | {"multiply_adds": 1e6, "ms": 1.0} for row in shown["networks"]]
    accuracy.ACCURACY.figures["F9"][1](shown, figure)
    assert [len(ax.containers) for ax in figure.axes] == [2 * len(NETWORKS)] * 2
