"""Testing after some epochs only."""

import numpy as np

from minigoog.formats import safetensors
from minigoog.train import Config, fit

from .runs import metrics_of, quick_epochs

FOUR = {"model": "tiny", "epochs": 4, "batch_size": 28, "workers": 0}


def test_epochs_are_tested_every_so_often_and_at_the_end(tmp_path, capsys):
    with quick_epochs():
        fit(Config(**FOUR, output=tmp_path / "each"))
        fit(Config(**FOUR, test_every=3, output=tmp_path / "some"))
    assert [line["epoch"] for line in metrics_of(tmp_path / "some", "train_loss")] == [1, 2, 3, 4]
    tested = metrics_of(tmp_path / "some")
    assert [line["epoch"] for line in tested] == [3, 4]
    each = metrics_of(tmp_path / "each")
    assert [line["test_loss"] for line in tested] == [line["test_loss"] for line in each[2:]]  # to train goes on as if it had been tested
    ends = [safetensors.load(tmp_path / name / "last.safetensors")[0] for name in ("each", "some")]
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:5].strip().isdigit()]
    assert [line.count("%") for line in lines[-4:]] == [1, 1, 2, 2] and len({len(line) for line in lines[-4:]}) == 1


def test_epochs_that_are_kept_are_tested(tmp_path):
    with quick_epochs():
        fit(Config(**FOUR, test_every=4, keep_every=2, output=tmp_path / "run"))
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [2, 4]
    assert sorted(path.name for path in (tmp_path / "run").glob("epoch-*")) == ["epoch-0002.safetensors", "epoch-0004.safetensors"]
