"""Pruning in training: the schedule, masks that stay, and resuming with the same bits."""

import shutil

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.nn.pruning import density_of
from minigoog.train import Config, Interrupted, checkpoint, fit, resume
from minigoog.train.pruning import Pruner
from minigoog.train.run import Run

from .runs import assert_same, metrics_of, quick_epochs, stop_after

SETTINGS = {"model": "tiny", "norm": True, "epochs": 4, "batch_size": 14, "average": 0.9, "weight_decay": 1e-2, "workers": 0,
            "prune": 0.75, "prune_steps": 6, "prune_begin": 0.5, "prune_end": 2.5}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def four_steps():
    """Epochs of 4 steps, without a figure."""
    with quick_epochs():
        yield


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pruned") / "run"
    fit(Config(**SETTINGS, output=folder))
    return folder


def pruner(**changes):
    mg.manual_seed(0)
    return Pruner(Config(**SETTINGS | changes), mg.models.TinyInception(num_classes=10, norm=True))


def test_the_share_of_weights_rises_as_a_cubic():
    """s(t) = 0.75 (1 - (1 - t)^3): after 0, 1/6, 1/2 and all of the steps. (Zhu, Gupta 2017, equation 1)"""
    of = pruner()
    left = [of.density(of.stage(done)) for done in (0, 0.5, 0.5 + 2 / 6, 1.5, 2.49, 2.5, 4)]
    assert left == pytest.approx([1, 1, 1 - 0.75 * 91 / 216, 1 - 0.75 * 7 / 8, 1 - 0.75 * 215 / 216, 0.25, 0.25])
    assert pruner(prune_begin=None, prune_end=None).end == 3 and pruner(prune_begin=0, prune_end=0).stage(0) == 6


def test_steps_of_n_of_m_leave_out_whole_weights_of_a_group():
    of = pruner(prune=0.5, prune_group=4)
    assert {of.density(stage) for stage in range(7)} == {1.0, 0.75, 0.5}


def test_each_epoch_has_the_density_of_the_schedule(pruned):
    of, lines = pruner(), metrics_of(pruned)
    expected = [of.density(of.stage(epoch)) for epoch in (1, 2, 3, 4)]
    assert [line["density"] for line in lines] == pytest.approx(expected, abs=2e-3) and expected[-1] == 0.25


def test_what_is_saved_is_pruned_and_says_so(pruned):
    for name in ("last", "averaged", "best"):
        model = mg.load(pruned / f"{name}.safetensors")
        assert density_of(model) == pytest.approx(0.25, abs=1e-3), name
        assert all(not model.state_dict()[weight][~mask].any() for weight, mask in nn.masks(model).items())
    assert sum(mask.size for mask in nn.masks(model).values()) == sum(w.size for w in nn.pruning.prunable(model).values())


@pytest.mark.parametrize("stops", [[3, 2], [9]])
def test_a_run_that_was_stopped_while_pruning_ends_with_the_same_bits(tmp_path, monkeypatch, pruned, stops):
    run = tmp_path / "run"
    for i, n in enumerate(stops):
        with monkeypatch.context() as patch:
            stop_after(patch, n)
            with pytest.raises(Interrupted):
                resume(run, threads=1) if i else fit(Config(**SETTINGS, output=run))
    resume(run, workers=1)
    assert_same(run, pruned)


def test_a_pruned_run_that_is_trained_longer_keeps_its_masks(tmp_path):
    """The default times of pruning are shares of `epochs`: they stay those of the run as it was."""
    run = tmp_path / "run"
    fit(Config(**SETTINGS | {"prune_begin": None, "prune_end": None}, output=run))
    before, weights = nn.masks(mg.load(run / "last.safetensors")), mg.load(run / "last.safetensors").state_dict()
    resume(run, epochs=6, lr=0.02)
    resume(run)  # it is a run like every other
    after = mg.load(run / "last.safetensors")
    assert nn.masks(after).keys() == before.keys() and all(np.array_equal(mask, before[name]) for name, mask in nn.masks(after).items())
    assert [line["density"] for line in metrics_of(run)][3:] == pytest.approx([0.25] * 3, abs=1e-3)
    assert all(not np.array_equal(after.state_dict()[name], weights[name]) for name in before)


@pytest.mark.parametrize("given", [{"prune_begin": None, "prune_end": None}, {}])
def test_a_changed_time_of_pruning_is_named_when_a_run_is_trained_longer(tmp_path, given):
    run = tmp_path / "run"
    fit(Config(**SETTINGS | given | {"epochs": 3}, output=run))
    text = (run / "config.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("prune_end")]
    (run / "config.toml").write_text("\n".join([*lines, "prune_end = 2.75"]))
    with pytest.raises(ValueError, match=r"cannot be trained longer.*`prune_end`: 2\.75 \(was (None|2\.5)\)"):
        resume(run, epochs=4)
    resume(run, epochs=4, accept_changes=True)
    assert metrics_of(run)[-1]["epoch"] == 4


def test_a_finished_dense_run_is_pruned_while_it_is_trained_longer(tmp_path, monkeypatch):
    """With its own weights, by then elsewhere, as teacher; stopped on the way it ends with the same bits."""
    dense, run, stopped = tmp_path / "dense", tmp_path / "run", tmp_path / "stopped"
    fit(Config(**SETTINGS | {"prune": 0, "prune_steps": 50, "prune_begin": None, "prune_end": None, "epochs": 2}, output=dense))
    for folder in (run, stopped):
        shutil.copytree(dense, folder)
    given = {"epochs": 6, "lr": 0.02, "prune": 0.75, "prune_steps": 6, "distill": str(dense)}
    resume(run, **given)
    lines = metrics_of(run)
    assert [line.get("density", 1) for line in lines[:2]] == [1, 1] and lines[2]["density"] < 1
    assert lines[-1]["density"] == pytest.approx(0.25, abs=1e-3)
    assert nn.masks(mg.load(run / "best.safetensors")).keys() == nn.masks(mg.load(run)).keys() != {}
    with monkeypatch.context() as patch:
        stop_after(patch, 9)
        with pytest.raises(Interrupted):
            resume(stopped, **given)
    resume(stopped)
    assert_same(run, stopped)


@pytest.mark.parametrize("given", [{}, {"lr": 0.02, "weight_decay": 0.0, "prune": 0.75, "prune_steps": 6}], ids=["longer", "pruned"])
@pytest.mark.parametrize("dies", ["with its settings", "before its next checkpoint"])
def test_a_run_that_was_killed_when_it_began_to_be_trained_longer_ends_with_the_same_bits(tmp_path, monkeypatch, given, dies):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    fit(Config(**SETTINGS | {"prune": 0, "prune_steps": 50, "prune_begin": None, "prune_end": None, "epochs": 1}, output=whole))
    shutil.copytree(whole, killed)
    given = given and given | {"distill": str(shutil.copytree(whole, tmp_path / "teacher"))}
    resume(whole, epochs=3, **given)

    def die(*arguments, write=Run.write):
        if dies == "with its settings":
            write(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*((Run, "write") if dies == "with its settings" else (checkpoint, "save")), die)
        resume(killed, epochs=3, **given)
    resume(killed)
    assert_same(whole, killed)


def test_a_finished_run_may_be_pruned_at_once(tmp_path, pruned):
    run = tmp_path / "run"
    shutil.copytree(pruned, run)
    resume(run, epochs=5, prune=0.9, prune_begin=4, prune_end=4)
    assert [line["density"] for line in metrics_of(run)][-2:] == pytest.approx([0.25, 0.1], abs=1e-3)
    assert density_of(mg.load(run / "best.safetensors")) == pytest.approx(0.1, abs=1e-3)


def test_a_network_that_was_pruned_before_it_was_fine_tuned_is_pruned_further(tmp_path, pruned):
    run = tmp_path / "run"
    fit(Config(weights=str(pruned), epochs=1, batch_size=14, workers=0, average=0.9, output=run))
    before = nn.masks(mg.load(run))
    resume(run, epochs=3, prune=0.9)
    after = nn.masks(mg.load(run))
    assert before.keys() < after.keys() and all(not (after[name] & ~mask).any() for name, mask in before.items())
    assert density_of(mg.load(run)) == pytest.approx(0.1, abs=1e-3)


def test_a_run_that_is_pruned_is_not_its_own_teacher(tmp_path, pruned):
    with pytest.raises(ValueError, match="`distill` is '.*', whose weights change with this run: expected a copy of it"):
        resume(pruned, epochs=6, prune=0.9, distill=str(pruned / "last.safetensors"))


@pytest.mark.parametrize("given, message", [
    ({"prune_steps": 3}, "`prune_steps` is given, but without `prune` the masks of the run that is resumed stay"),
    ({"prune": 0.75}, "`prune` is 0.75, expected more than the 0.75 of the run that is resumed"),
    ({"prune": 2}, "`prune` is 2"),
    ({"prune": "much"}, "`prune` is 'much'"),
    ({"prune": 0.8, "prune_begin": 9}, "`prune_begin` is 9 and `prune_end` 5.5, expected times within `epochs` 6"),
    ({"prune": 0.8, "prune_begin": 0, "prune_end": 5}, "`prune_begin` is 0, expected at least the 4 epochs that the run has"),
    ({"prune": 0.8, "prune_begin": None}, "`prune_begin` is 0.6, expected at least the 4"),
    ({"prune": 0, "prune_steps": 50}, "`prune_begin` is 4.2, but without `prune` nothing is pruned"),
])
def test_wrong_settings_of_pruning_are_named_when_a_run_is_trained_longer(pruned, given, message):
    with pytest.raises((TypeError, ValueError), match=message):
        resume(pruned, epochs=6, **given)


def test_a_run_whose_accuracy_stands_still_is_pruned_to_the_end_first(tmp_path):
    """The rate changes nothing: without pruning it would end after two epochs."""
    fit(Config(**SETTINGS | {"epochs": 9, "prune_begin": 5, "prune_end": 5.5, "lr": 1e-12}, stop_after=1, output=tmp_path / "run"))
    lines = metrics_of(tmp_path / "run")
    assert 6 < len(lines) < 9 and lines[-1]["density"] == pytest.approx(0.25, abs=1e-3)


def test_a_pruned_network_that_is_fine_tuned_stays_pruned_and_may_be_pruned_further(tmp_path, pruned):
    base = {"weights": str(pruned), "epochs": 1, "batch_size": 14, "workers": 0, "average": 0.9}
    fit(Config(**base, output=tmp_path / "same"))
    before, after = mg.load(pruned), mg.load(tmp_path / "same")
    assert nn.masks(after).keys() == nn.masks(before).keys() - {"classifier.weight"}
    assert all(np.array_equal(mask, nn.masks(before)[name]) for name, mask in nn.masks(after).items())
    fit(Config(**base, prune=0.9, prune_begin=0, prune_end=0, prune_keep=["classifier"], output=tmp_path / "fewer"))
    fewer = mg.load(tmp_path / "fewer" / "best.safetensors")
    assert all(not (mask & ~nn.masks(before)[name]).any() for name, mask in nn.masks(fewer).items())
    assert density_of(fewer) < 0.13 and "classifier.weight" not in nn.masks(fewer)


def test_an_imported_network_is_pruned_while_it_is_fine_tuned(tmp_path):
    """In groups of 3 only its new classifier, of 6 inputs, loses weights: its convolution has one input channel."""
    from tests.loading.onnx_files import classifier

    classifier(tmp_path / "net.onnx", size=8, channels=1)
    settings = {"weights": tmp_path / "net.onnx", "preprocess": "unit", "epochs": 1, "batch_size": 14, "workers": 0, "prune_steps": 3}
    fit(Config(**settings, prune=0.5, prune_scope="layer", output=tmp_path / "half"))
    half = mg.load(tmp_path / "half")
    assert {name: mask.mean() for name, mask in nn.masks(half).items()} == {"conv.weight": 0.5, "fc.weight": 0.5}
    fit(Config(**settings, prune=0.5, freeze=["conv"], output=tmp_path / "frozen"))
    assert nn.masks(mg.load(tmp_path / "frozen")).keys() == {"fc.weight"}
    fit(Config(**settings, prune=2 / 3, prune_group=3, output=tmp_path / "group"))
    weight = mg.load(tmp_path / "group").fc.weight
    assert (weight.mask.reshape(2, 3, 10).sum(axis=1) == 1).all() and np.array_equal(weight.data != 0, weight.mask)


@pytest.mark.parametrize("changes, message", [
    ({"prune": 1}, "`prune` is 1.*, expected a finite number from 0 to 0.9999"),
    ({"prune": 0, "prune_steps": 50}, "`prune_begin` is 0.5, but without `prune` nothing is pruned"),
    ({"prune": 0, "prune_steps": 50, "prune_begin": None, "prune_end": None, "prune_scope": "layer"}, "`prune_scope` is 'layer', but"),
    ({"prune_begin": 3}, "`prune_begin` is 3 and `prune_end` 2.5, expected times within `epochs` 4"),
    ({"prune_end": 5}, "`prune_begin` is 0.5 and `prune_end` 5, expected times within `epochs` 4"),
    ({"prune_group": 3}, "`prune` is 0.75, expected a multiple of 1/3, for `prune_group`"),
    ({"prune": 0.5, "prune_group": 1000}, "`prune_group` is 1000, but the layers to prune have 1, .* inputs, expected a divisor of one"),
    ({"prune_scope": "all"}, "`prune_scope` is 'all', expected one of layer, global"),
    ({"prune_keep": ["conv1", "inception2a", "inception2b", "inception3a", "inception3b", "classifier"]}, "`prune` has no layer to prune"),
    ({"prune_keep": ["classifer"]}, "`prune_keep` has 'classifer', expected the name of a module, such as classifier"),
])  # fmt: skip
def test_settings_that_do_not_fit_together_are_refused_before_any_folder_is_made(tmp_path, changes, message):
    with pytest.raises(ValueError, match="train: " + message):
        fit(Config(**SETTINGS | changes, output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
