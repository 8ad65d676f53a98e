"""Testing after some epochs only."""

import numpy as np
import pytest

from minigoog.formats import safetensors, saved_model
from minigoog.train import Callback, Config, fit, resume, run, testing

from .runs import metrics_of, quick_epochs

THREE = {"model": "tiny", "epochs": 3, "batch_size": 28, "workers": 0}


def test_training_goes_on_as_if_every_epoch_had_been_tested(tmp_path, capsys):
    with quick_epochs():
        fit(Config(**THREE, output=tmp_path / "each"))
        fit(Config(**THREE, test_every=2, output=tmp_path / "some"))
    assert [line["epoch"] for line in metrics_of(tmp_path / "some", "train_loss")] == [1, 2, 3]
    tested, each = metrics_of(tmp_path / "some"), metrics_of(tmp_path / "each")
    assert [(line["epoch"], line["test_loss"]) for line in tested] == [(line["epoch"], line["test_loss"]) for line in each[1:]]
    ends = [safetensors.load(tmp_path / name / "last.safetensors")[0] for name in ("each", "some")]
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:5].strip().isdigit()]
    assert [line.count("%") for line in lines[-3:]] == [1, 2, 2] and len({len(line) for line in lines[-3:]}) == 1


@pytest.mark.parametrize("more, tested", [
    ({}, [3, 6, 7]), ({"keep_every": 2}, [2, 3, 4, 6, 7]), ({"prune": 0.5}, [1, 2, 3, 4, 5, 6, 7]),
])  # fmt: skip
def test_epochs_that_are_kept_or_pruned_are_tested_and_so_is_the_last(more, tested):
    config = Config(epochs=7, test_every=3, **more)
    assert [epoch for epoch in range(1, 8) if testing.due(config, epoch)] == tested


def outcome(folder):
    """All epochs of a run; those that were tested; and the epoch of the weights it wrote last."""
    lines = metrics_of(folder, "train_loss")
    last = saved_model.load(folder / "last.safetensors")[1].more["epoch"]
    return [line["epoch"] for line in lines], [line["epoch"] for line in lines if "test_loss" in line], int(last)


@pytest.mark.parametrize("every, epochs, ends, tested", [(12, 5, 5, [5]), (2, 9, 6, [2, 4, 6])])
def test_the_accuracy_stands_still_only_where_it_was_measured(tmp_path, capsys, every, epochs, ends, tested):
    """At a rate that changes nothing the first test is the best: three epochs later is between two tests, or before the first."""
    config = Config(**THREE | {"epochs": epochs, "lr": 1e-12}, test_every=every, stop_after=3, output=tmp_path / "run")
    with quick_epochs():
        fit(config)
        resume(tmp_path / "run")  # it has ended
        assert outcome(tmp_path / "run") == ([*range(1, ends + 1)], tested, ends)
        resume(tmp_path / "run", epochs=ends + 1)
    assert outcome(tmp_path / "run")[1] == [*tested, ends + 1] and "missing" not in capsys.readouterr().out


class EndsAt3(Callback):
    def __init__(self):
        self.told = []

    def on_epoch(self, trainer, facts):
        self.told.append(("test_loss" in facts, facts["epoch"]))
        return self.told[-1] == (False, 3)


@pytest.mark.parametrize("killed", [False, True])
def test_an_epoch_that_a_callback_ends_a_run_with_is_tested(tmp_path, monkeypatch, killed):
    def kill(*_):
        raise RuntimeError("killed")

    config, callback = Config(**THREE | {"epochs": 5}, test_every=2, output=tmp_path / "run"), EndsAt3()
    with quick_epochs():
        if killed:
            with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
                patch.setattr(run.Run, "cut_metrics", lambda run, length: length and kill())
                fit(config, callbacks=[callback])
            callback = EndsAt3()
        result = resume(config.output, callbacks=[callback]) if killed else fit(config, callbacks=[callback])
    assert outcome(tmp_path / "run") == ([1, 2, 3], [2, 3], 3) and callback.told[-2:] == [(False, 3), (True, 3)]
    assert result.accuracy == pytest.approx(metrics_of(tmp_path / "run")[-1]["test_accuracy"])
