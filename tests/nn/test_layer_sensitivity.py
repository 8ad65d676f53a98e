"""nn.sensitivity: what pruning one layer does, and densities under a budget."""

import itertools

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from minigoog.nn.layer_sensitivity import Sensitivity
from tests.strategies import numbers


def network(norm=False):
    mg.manual_seed(0)
    stem, block = nn.Conv2d(3, 16, 3, padding=1, relu=True), nn.Inception(16, 8, 4, 8, 4, 8, 8, norm=norm)
    return nn.Sequential(stem=stem, block=block, pool=nn.GlobalAvgPool2d(), classifier=nn.Linear(32, 5))


def cross_entropy(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(p)), labels]).mean()


IMAGES, LABELS = numbers(0, (40, 6, 6, 3)), np.arange(40) % 5


@pytest.mark.parametrize("labels", [None, LABELS])
@pytest.mark.parametrize("norm", [False, True])
def test_the_error_of_a_layer_is_that_of_the_network_with_only_it_pruned(labels, norm):
    model = network(norm).eval()
    found = nn.sensitivity(model, IMAGES, labels, densities=[0.25], keep=["stem"])
    assert "stem" not in found.errors and len(found.errors) == 7
    before = model(Tensor(IMAGES)).data.astype(np.float64)
    for name, errors in found.errors.items():
        pruned = nn.prune(network(norm), {name: 0.25}).eval()
        after = pruned(Tensor(IMAGES)).data.astype(np.float64)
        expected = np.square(after - before).mean() / before.var()
        if labels is not None:
            expected = np.subtract(*(cross_entropy(y, labels) for y in (after, before)))
        assert errors == {1.0: 0.0, 0.25: pytest.approx(expected, rel=1e-3, abs=1e-6)}


def test_nothing_changes_in_the_network():
    model = network().eval()
    nn.prune(model, {"classifier": 0.5})
    before, mask = model(Tensor(IMAGES)).data, model.classifier.weight.mask.copy()
    nn.sensitivity(model, IMAGES[:4], densities=[0.1])
    assert np.array_equal(model(Tensor(IMAGES)).data, before) and np.array_equal(model.classifier.weight.mask, mask)
    assert nn.masks(model).keys() == {"classifier.weight"}


@pytest.mark.parametrize("norm", [False, True])
def test_multiply_adds_are_those_of_one_image(norm):
    counts = nn.sensitivity(network(norm), IMAGES[:2], densities=[]).multiply_adds
    assert counts["stem"] == 36 * 27 * 16 and counts["classifier"] == 160
    assert sum(counts.values()) == sum(row.multiply_adds for row in mg.summary(network(norm), (1, 6, 6, 3)).rows)


def test_sensitivity_is_measured_within_no_grad():
    with mg.no_grad():
        found = nn.sensitivity(network(), IMAGES[:4], densities=[0.1])
    assert found == nn.sensitivity(network(), IMAGES[:4], densities=[0.1])


def test_blocks_and_groups_are_those_of_prune():
    found = nn.sensitivity(network(), IMAGES[:8], densities=[0.5], block=8, group=4)
    assert "stem" not in found.errors  # 3 inputs
    pruned = nn.prune(network(), {"classifier": 0.5}, block=8, group=4)
    before, after = (model.eval()(Tensor(IMAGES[:8])).data for model in (network(), pruned))
    assert found.errors["classifier"][0.5] == pytest.approx(np.square(after - before).mean() / before.var(), rel=1e-4)


SMALL = Sensitivity(
    {"a": {1.0: 0, 0.1: 5, 0.5: 1}, "b": {1.0: 0, 0.1: 3, 0.5: 2.5}, "c": {1.0: 0, 0.1: 0.5, 0.5: -0.1}}, {"a": 100, "b": 300, "c": 200}
)


@pytest.mark.parametrize("budget", [0.1, 0.2, 0.4, 0.6, 0.9, 1])
def test_densities_keep_the_budget_and_come_close_to_the_best_ones(budget):
    def cost(densities):
        return sum(SMALL.multiply_adds[name] * density for name, density in densities.items())

    def error(densities):
        return sum(SMALL.errors[name][density] for name, density in densities.items())

    found = SMALL.densities(budget)
    every = (dict(zip("abc", each, strict=True)) for each in itertools.product((0.1, 0.5, 1.0), repeat=3))
    best = min(error(densities) for densities in every if cost(densities) <= 600 * budget + 1e-9)
    assert cost(found) <= 600 * budget + 1e-9 and error(found) <= best + 0.6


def test_a_network_is_pruned_to_the_densities_that_were_found():
    model = network()
    found = nn.sensitivity(model, IMAGES[:8])
    densities = found.densities(0.3)
    nn.prune(model, densities)
    assert {n: w.mask.mean() for n, w in nn.pruning.prunable(model).items()} == pytest.approx(densities, abs=0.02)
    assert repr(found).splitlines()[0].split() == ["layer", "multiply-adds", "0.02", "0.05", "0.1", "0.2", "0.35", "0.6"]


@pytest.mark.parametrize("call, message", [
    (lambda: SMALL.densities(0.05), "densities: `budget` is 0.05, expected at least 0.1"),
    (lambda: nn.sensitivity(network(), IMAGES, LABELS[1:]), "sensitivity: `labels` has 39 labels, expected 40"),
    (lambda: nn.sensitivity(network(), IMAGES, densities=[2]), "sensitivity: `densities` is 2"),
    (lambda: nn.sensitivity(nn.Flatten(), IMAGES), "sensitivity: `module` has no layer that could be pruned"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
