"""Each demonstration from end to end at toy sizes: it measures, resumes from its parts, judges, tabulates and draws."""

import json

import numpy as np
import pytest

from minigoog.sparsity.clusters import demonstration as conv_arora
from minigoog.sparsity.clusters.demonstration import CONV_ARORA
from minigoog.sparsity.construction import demonstration as arora
from minigoog.sparsity.construction.demonstration import ARORA
from minigoog.sparsity.depth import allocation, plain_stack, supports
from minigoog.sparsity.depth import demonstration as depth
from minigoog.sparsity.depth.allocation import ALLOCATION
from minigoog.sparsity.depth.demonstration import DEPTH
from minigoog.sparsity.depth.supports import SUPPORTS
from minigoog.sparsity.inception import forms
from minigoog.sparsity.inception.blow_up import BLOW_UP
from minigoog.sparsity.inception.three_ways import THREE_WAYS
from minigoog.sparsity.runner.demonstration import Setting
from minigoog.sparsity.runner.verdicts import VERDICTS
from minigoog.sparsity.speed import blocks, break_even, pruned
from minigoog.sparsity.speed.blocks import BLOCKS
from minigoog.sparsity.speed.break_even import BREAK_EVEN
from minigoog.sparsity.speed.cache_misses import CACHE_MISSES
from minigoog.sparsity.speed.pruned import PRUNED

OF_C_KERNELS = (BREAK_EVEN, PRUNED, CACHE_MISSES, BLOCKS, THREE_WAYS, BLOW_UP)
OF_LEARNING = (ARORA, CONV_ARORA, DEPTH, SUPPORTS, ALLOCATION)


@pytest.fixture(scope="module")
def toy_networks():
    """Networks and samples of a second's work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arora, "BENCH", (200, 5, 1, 2000))
        patch.setattr(arora, "QUICK", {"sizes": ((100, 1), (150, 1)), "degree": 4, "times": (0.25, 8), "actives": (1, 2), "degrees": (4, 6),
                                       "seeds": 1, "two_layers": (200, 4, 1, 2000), "negatives": (100, 4, 2, 3000)})
        patch.setattr(conv_arora, "SIDE", 24)
        patch.setattr(conv_arora, "QUICK", {"seeds": 1, "images": (1, 4), "densities": (0.002,)})
        patch.setitem(depth.PLANS, (False, True), {"train": 200, "test": 60, "epochs": 1, "lr": 0.1, "looked_at": 60, "seeds": 1})
        patch.setitem(allocation.PLANS, (False, True), {"train": 200, "test": 60, "epochs": 1, "lr": 0.1, "seeds": 2, "budget": 1e5})
        small = {"train": 200, "test": 60, "epochs": 1, "lr": 0.1, "seeds": 1, "strengths": (0.0, 1.0)}
        patch.setitem(supports.PLANS, (False, True), small)
        patch.setattr(plain_stack, "DIGITS", (6, 8, 8))
        yield


@pytest.fixture(scope="module")
def toy_layers(native, tmp_path_factory):
    """All layers small; the weights of pruned layers made up."""
    data = tmp_path_factory.mktemp("data")
    w = np.random.default_rng(0).standard_normal((3, 3, 4, 32), np.float32)
    (data / "pruned").mkdir()
    np.savez(data / "pruned" / pruned.SKIMCAFFE, **dict.fromkeys((p.weights for p in pruned.LAYERS), np.where(np.abs(w) > 1.5, w, 0)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGOOG_DATA", str(data))
        for name in break_even.QUICK:
            patch.setitem(break_even.LAYERS, name, (7, 20, 64, 3))
        patch.setattr(break_even, "PIXELS", 49)
        patch.setattr(break_even, "FC6_SHAPE", (200, 96))
        patch.setattr(blocks, "SIDE", 5)
        patch.setattr(blocks, "SHAPE", (64, 96))
        patch.setattr(forms, "PIXELS", 49)
        for row in forms.MODULES:
            patch.setitem(forms.WIDTHS, row, (12, 6, 4, 8, 3, 5, 0))
            patch.setitem(forms.MODULES, row, 7)
        yield


@pytest.fixture(scope="module", params=(*OF_C_KERNELS, *OF_LEARNING), ids=lambda d: d.name)
def measured(request, tmp_path_factory):
    """(demonstration, its folder, its numbers)."""
    request.getfixturevalue("toy_layers" if request.param in OF_C_KERNELS else "toy_networks")
    folder = tmp_path_factory.mktemp(request.param.name) / request.param.name
    return request.param, folder, request.param.measure(Setting(folder, quick=True, say=lambda line: None))


def test_a_demonstration_resumes_judges_and_tabulates(measured):
    demonstration, folder, numbers = measured
    said = []
    assert demonstration.measure(Setting(folder, quick=True, say=said.append)) == json.loads(json.dumps(numbers))  # nothing measured twice
    verdict, why, _ = demonstration.judge(numbers)
    assert said and verdict in VERDICTS and why.endswith(".")
    head, rows = demonstration.table(numbers)
    assert rows and all(len(row) == len(head) and all(isinstance(cell, str) for cell in row) for row in rows)


def test_more_seeds_train_only_what_is_new(measured):
    demonstration, folder, numbers = measured
    said = []
    again = demonstration.measure(Setting(folder, quick=True, seeds=3, say=said.append))
    if demonstration.seeded:
        before = [row["accuracy"] for row in numbers["networks"]]
        assert [row["accuracy"][:2] for row in again["networks"]] == before and all(len(row["accuracy"]) == 3 for row in again["networks"])
        computed = [line for line in said if "part " in line]
        assert len(computed) == len(before) and all("seed2" in line for line in computed)
    else:
        assert again == json.loads(json.dumps(numbers))


def test_a_demonstration_draws_its_figures(measured, tmp_path):
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed (extra `plots`): no figure was drawn")
    demonstration, _, numbers = measured
    for name, (caption, draw) in demonstration.figures.items():
        page = figure.Figure(figsize=(8, 5), layout="constrained")
        draw(numbers, page)
        page.savefig(tmp_path / f"{name}.png")
        assert caption and page.axes and all(axes.has_data() or not axes.get_visible() for axes in page.axes), name
