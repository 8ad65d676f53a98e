"""The settings of the quick recipes: a whitened first layer, biases with a rate of their own, mirror images that alternate."""

import numpy as np
import pytest

from minigoog.formats import safetensors
from minigoog.train import Config, finetune, fit, setup
from minigoog.train.find_lr import losses

from .runs import assert_resumes_with_the_same_bits, quick_epochs

QUICK = {"model": "quick", "width": 8, "epochs": 2, "batch_size": 14, "whiten": True, "mirror": "alternate", "augment": "crop", "shift": 1,
         "bias_rate": 16.0, "schedule": "triangle", "warmup": 0.5, "padding_mode": "reflect", "lookahead": 0.95,
         "workers": 0}  # fmt: skip


MICRO = pytest.param({"micro_batches": 2}, id="micro-batches", marks=pytest.mark.slow)


@pytest.mark.parametrize("more", [pytest.param({"workers": 2}, id="whole"), MICRO])
def test_a_quick_run_resumes_with_the_same_bits(tmp_path, monkeypatch, more):
    assert_resumes_with_the_same_bits(tmp_path, monkeypatch, QUICK | more)


def test_the_whitened_layer_is_not_trained(tmp_path):
    with quick_epochs():
        begun = setup.prepare(Config(**QUICK)).model.state_dict()
        fit(Config(**QUICK, output=tmp_path / "run"))
    ended = safetensors.load(tmp_path / "run" / "last.safetensors")[0]
    changed = {name for name in begun if (begun[name] != ended[name]).any()}
    assert begun.keys() - changed == {"stem.weight", "stem.bias"}
    assert (begun["stem.weight"][..., :9] == -begun["stem.weight"][..., 9:]).all()


def test_another_network_cannot_be_whitened():
    with pytest.raises(ValueError, match="`whiten` is true, but `model` is tiny, expected one of quick"):
        setup.prepare(Config(model="tiny", whiten=True))


@pytest.mark.parametrize("factor, rates", [(1.0, {0.5}), (16.0, {0.5, 8.0})])
def test_biases_have_a_rate_of_their_own(factor, rates):
    made = setup.prepare(Config(**QUICK | {"bias_rate": factor}))
    groups = finetune.groups(made, Config(**QUICK | {"bias_rate": factor, "lr": 0.5}))
    names = {id(p): name for name, p in made.model.named_parameters()}
    assert {group["lr"] for group in groups} == rates
    assert sorted(names[id(p)] for group in groups for p in group["params"]) == sorted(names.values())
    for group in groups:
        assert group["lr"] == 0.5 or all(names[id(p)].endswith(".bias") for p in group["params"])


def test_a_search_for_the_rate_keeps_that_of_biases_in_proportion():
    with quick_epochs():
        found = {factor: list(losses(Config(**QUICK | {"bias_rate": factor}), setup.prepare(Config(**QUICK)), 4)) for factor in (1.0, 16.0)}
    assert [rate for rate, _ in found[1.0]] == [rate for rate, _ in found[16.0]]
    assert np.abs(np.diff([[loss for _, loss in each] for each in found.values()], axis=0)).max() > 0
