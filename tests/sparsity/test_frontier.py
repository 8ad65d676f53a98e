"""The program `sparsity frontier`: what it measures, once for each network, and that it resumes."""

import json

import numpy as np
import pytest

import minigoog as mg
from minigoog import curves, data
from minigoog.kernels import native
from minigoog.nn.pruning import density_of
from minigoog.sparsity import __main__ as program
from minigoog.sparsity.frontier import points as points_module
from minigoog.train import Config, fit
from tests.train.runs import few_digits

pytestmark = pytest.mark.skipif(native is None, reason="plans need the C kernels")
FLAGS = ("--densities", "0.5", "0.1", "--rounds", "3", "--batches", "2", "--workers", "0")


@pytest.fixture(scope="module", autouse=True)
def few_images():
    before = mg.get_num_threads()
    with few_digits(100, 40), pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "draw", lambda *_: None)
        yield
    mg.set_num_threads(before)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A dense run and one that was pruned in training."""
    folder = tmp_path_factory.mktemp("runs")
    settings = {"model": "tiny", "epochs": 1, "batch_size": 20, "workers": 0, "lr": 0.1, "norm": True}
    fit(Config(**settings, output=folder / "dense"))
    fit(Config(**settings, prune=0.6, prune_steps=3, output=folder / "pruned"))
    return folder


def frontier(*flags):
    program.main(["frontier", *map(str, flags)])


def test_each_network_has_one_accuracy_and_one_time(runs, tmp_path, capsys):
    frontier("--run", runs / "dense", runs / "dense", runs / "pruned", *FLAGS, "--tune", "--output", tmp_path / "out")
    numbers = json.loads((tmp_path / "out" / "frontier.json").read_text())
    names = ["dense", "pruned", "dense, 0.5 in one step", "dense, 0.1 in one step"]
    assert [p["name"] for p in numbers["points"]] == names
    assert [p["density"] for p in numbers["points"]] == pytest.approx([1, 0.4, 0.5, 0.1], abs=5e-3)
    model, (_, test) = mg.load(runs / "dense"), data.digits()
    model.eval()
    images = test.images
    right = (model(mg.Tensor(model.preprocess(images))).data.argmax(axis=1) == test.labels).mean()
    assert numbers["points"][0]["accuracy"] == pytest.approx(right)
    assert all(0 < p["ms"]["2"]["shortest"] <= p["ms"]["2"]["ms"] for p in numbers["points"])
    settings = numbers["settings"]
    assert settings["threads"] == 1 and settings["images"] == 355 and settings["scope"] == "global" and "processor" in numbers["machine"]
    out = capsys.readouterr().out
    assert "dense, 0.1 in one step" in out and "355 test images of digits" in out
    assert "medians of 3 turns, one thread, CPU time, tuned" in out


def test_a_pruned_point_is_the_network_that_prune_makes(runs):
    model = mg.load(runs / "dense")
    _, pruned = points_module.points([model], [0.3], {"scope": "layer"})
    mg.nn.prune(model, 0.3)
    assert density_of(pruned.model) == density_of(model)
    assert all(np.array_equal(array, pruned.model.state_dict()[name]) for name, array in model.state_dict().items())


def test_what_was_measured_is_not_measured_again_after_a_stop(runs, tmp_path, monkeypatch, capsys):
    original, taken = points_module.runner, []

    def stopping(model):
        taken.append(model)
        if len(taken) == 2:
            raise KeyboardInterrupt
        return original(model)

    monkeypatch.setattr(points_module, "runner", stopping)
    with pytest.raises(SystemExit) as stop:
        frontier("--run", runs / "dense", *FLAGS, "--output", tmp_path / "out")
    assert stop.value.code == 130 and "the same command resumes" in capsys.readouterr().err
    frontier("--run", runs / "dense", *FLAGS, "--output", tmp_path / "out")
    assert len(taken) == 4  # one before the stop, the one that was stopped, and two after it
    with pytest.raises(SystemExit):
        frontier("--run", runs / "dense", *FLAGS, "--scope", "layer", "--output", tmp_path / "out")
    assert "needs another folder" in capsys.readouterr().err


def test_a_plan_that_computes_something_else_is_not_timed(runs, tmp_path, monkeypatch):
    compiled = points_module.plan_of

    def wrong(model, shape, **how):
        plan = compiled(model, shape, **how)
        return lambda x: plan(x) + 1

    monkeypatch.setattr(points_module, "plan_of", wrong)
    with pytest.raises(ValueError, match="dense: its result differs by .*: a wrong answer is not timed"):
        points_module.times(list(points_module.points([mg.load(runs / "dense")], [], {})), [1], 1)


@pytest.mark.parametrize("flags, message", [
    ((), "the following arguments are required: --run"),
    (("--run", "nowhere"), "nowhere: no such run folder or file of weights"),
    (("--run", "FILE"), "does not say what to test on: pass --data"),
    (("--run", "RUN", "--keep", "no"), "`keep` has 'no'"),
    (("--run", "RUN", "--densities", "2"), "argument --densities: expected a number from 0 to 1, got '2'"),
    (("--run", "RUN", "--densities", "nan"), "argument --densities: expected a number from 0 to 1, got 'nan'"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name(runs, tmp_path, capsys, flags, message):
    given = {"RUN": runs / "dense", "FILE": runs / "dense" / "last.safetensors"}
    with pytest.raises(SystemExit) as end:
        frontier(*(given.get(flag, flag) for flag in flags), "--output", tmp_path / "out")
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_pruned_run_stands_beside_a_narrower_dense_network(tmp_path, capsys):
    settings = {"model": "small", "epochs": 1, "batch_size": 20, "workers": 0, "lr": 0.1, "norm": True}
    fit(Config(**settings, prune=0.9, prune_steps=2, output=tmp_path / "pruned"))
    fit(Config(**settings, width=8, output=tmp_path / "narrow"))
    frontier("--run", tmp_path / "pruned", tmp_path / "narrow", "--densities", "0.05", *FLAGS[3:], "--output", tmp_path / "out")
    pruned, narrow, _ = json.loads((tmp_path / "out" / "frontier.json").read_text())["points"]
    assert (pruned["name"], narrow["name"]) == ("pruned", "narrow")
    assert pruned["density"] == pytest.approx(0.1, abs=5e-3) and narrow["density"] == 1
    assert next(iter(mg.load(tmp_path / "narrow").parameters())).shape[-1] == 8


def test_a_width_that_a_network_has_not_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train: `width` is 8, but `model` tiny has one width"):
        fit(Config(model="tiny", width=8, output=tmp_path / "run"))
