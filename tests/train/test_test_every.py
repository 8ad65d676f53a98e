"""Testing after some epochs only."""

import numpy as np
import pytest

from minigoog.formats import safetensors
from minigoog.train import Config, fit, testing

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
