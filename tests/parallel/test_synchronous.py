"""Training with micro-batches: the same bits on one process and on several, and after a resume on another number of them."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from minigoog import Tensor, curves, nn, rng
from minigoog.formats import safetensors
from minigoog.parallel import launch
from minigoog.train import Config, Interrupted, fit, resume
from minigoog.train.stale import Stale
from tests.train.runs import assert_same, few_digits, stop_after

from . import processes
from .processes import ROOT

DIGITS = (151, 61)  # for training and testing: 3 steps of 50, 50 and 51 images
SETTINGS = {"model": "tiny", "epochs": 2, "batch_size": 64, "augment": "shift", "workers": 0, "norm": True, "average": 0.9, "clip": 1.0,
            "data_parallel": True}
FLAGS = ["--model", "tiny", "--epochs", "2", "--batch-size", "64", "--augment", "shift", "--workers", "0", "--norm", "--average", "0.9",
         "--clip", "1", "--data-parallel", "--threads", "1"]


@pytest.fixture(autouse=True, scope="module")
def quick_epochs():
    with few_digits(*DIGITS), patch.object(curves, "draw", lambda *_: None):
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run of one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    fit(Config(**SETTINGS, output=folder, threads=1))
    return folder


def weights_of(folder):
    return safetensors.load(folder / "last.safetensors")[0]


def on(n, *flags, **how):
    """Runs the program on `n` processes."""
    return processes.run(n, "-m", "tests.parallel.few", *DIGITS, *flags, folder=ROOT, **how)


def stopped(run, steps, monkeypatch):
    """A run of one process in `run`, stopped after so many steps."""
    with monkeypatch.context() as patched:
        stop_after(patched, steps)
        with pytest.raises(Interrupted):
            fit(Config(**SETTINGS, output=run))
    return run


def test_two_processes_give_the_bits_of_one(tmp_path, alone):
    done = on(2, *FLAGS, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("test accuracy") == 1  # only the first process prints
    assert_same(alone, tmp_path / "run")


def test_a_run_of_one_process_is_resumed_on_two_with_the_same_bits(tmp_path, monkeypatch, alone):
    run = stopped(tmp_path / "run", 4, monkeypatch)
    done = on(2, "--resume", run)
    assert done.returncode == 0, done.stderr
    assert_same(alone, run)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 8])
def test_any_number_of_processes_gives_the_bits_of_one(tmp_path, alone, n):
    done = on(n, *FLAGS, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert_same(alone, tmp_path / "run")


def test_a_wrong_setting_is_said_once_by_the_first_process(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    done = on(2, *FLAGS, "--output", tmp_path / "full")
    assert done.returncode == 2 and done.stderr.count("expected a new or empty folder") == 1, done.stderr


def test_micro_batches_are_resumed_bit_exactly(tmp_path, monkeypatch, alone):
    run = stopped(tmp_path / "run", 2, monkeypatch)
    resume(run)
    assert_same(alone, run)


def test_the_gradients_of_micro_batches_add_up_to_that_of_the_batch(tmp_path):
    """The weights of 6 steps; without augmentation and dropout, whose random numbers differ, and normalisation, which sees parts."""
    how = {"model": "tiny", "epochs": 2, "batch_size": 16, "augment": "none", "workers": 0, "lr": 0.003}
    with few_digits(40, 20), patch.object(nn.Dropout, "forward", lambda self, x: x):
        for parts in (0, 1, 5):
            fit(Config(**how, micro_batches=parts, output=tmp_path / str(parts)))
    whole, one, five = (weights_of(tmp_path / str(parts)) for parts in (0, 1, 5))
    for name, array in whole.items():
        assert np.array_equal(array, one[name]), name
        assert np.allclose(array, five[name], rtol=1e-4, atol=1e-5), name


def test_a_samples_dropout_depends_on_its_place_and_not_on_its_batch():
    dropout, x = nn.Dropout(0.5), np.ones((6, 7), np.float32)

    def masks(key, first, rows):
        with rng.of_samples(key, first, rows):
            return [dropout(Tensor(x[:rows])).data for _ in range(2)]

    whole = masks((1, 2), 10, 6)
    for first, rows in ((10, 2), (12, 4), (15, 1)):
        for all_rows, some in zip(whole, masks((1, 2), first, rows), strict=True):
            assert np.array_equal(all_rows[first - 10 : first - 10 + rows], some)
    assert not np.array_equal(whole[0], whole[1]) and not np.array_equal(whole[0], masks((1, 3), 10, 6)[0])


def test_more_micro_batches_than_images_are_refused():
    with pytest.raises(ValueError, match="`micro_batches` is 65, expected at most the `batch_size` 64"):
        Config(micro_batches=65)


def test_several_processes_without_data_parallel_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(launch.SIZES[0], "2")
    with pytest.raises(ValueError, match="2 processes were started by mpiexec, but without `data_parallel`"):
        fit(Config(model="tiny", output=tmp_path / "run"))


def test_a_run_from_before_there_were_these_settings_can_be_resumed(tmp_path, monkeypatch):
    """Its checkpoint does not name them: they had their defaults."""
    from minigoog.train import fingerprint

    facts = fingerprint.of_settings(Config())
    older = {name: fact for name, fact in facts.items() if name not in ("`micro_batches`", "`staleness`", "`optimizer`")}
    assert fingerprint.differences(older, facts) == []
    assert fingerprint.differences(older, fingerprint.of_settings(Config(staleness=3))) == ["`staleness`: 3 (was 0)"]
    older.pop("batches of an epoch")
    assert fingerprint.differences(older, facts) == ["batches of an epoch: of nearly one size (was none)"]


# ---- gradients that arrive late ----


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_stale_gradients_are_those_of_earlier_weights(tmp_path, optimizer):
    """Beside a loop that keeps all weights: update t has the gradient of the weights from before update t - 2."""
    how = {"model": "tiny", "epochs": 2, "batch_size": 16, "augment": "none", "workers": 0, "weight_decay": 0.0, "optimizer": optimizer}
    with few_digits(64, 20):
        run = fit(Config(**how, staleness=2, output=tmp_path / "late"))
        expected = kept_weights(Config(**how, output=tmp_path / "x"), 2)
    for name, array in weights_of(Path(run.folder)).items():
        assert np.array_equal(array, expected[name]), name


def kept_weights(config, staleness):
    """The weights after the run, by a loop that computes each gradient when it is used, at the weights of then."""
    from minigoog.train.gradients import Whole, backward
    from minigoog.train.optimizers import new_optimizer
    from minigoog.train.schedules import schedule
    from minigoog.train.setup import prepare

    setup = prepare(config)
    model, batches = setup.model, Whole(setup, config)
    optimizer = new_optimizer(config, [{"params": model.parameters(), "lr": config.lr}])
    versions, every = [], [batch for epoch in range(config.epochs) for batch in batches.epoch(epoch, 0)]
    for step in range(len(every)):
        versions.append({name: array.copy() for name, array in model.state_dict().items()})
        if step < staleness:
            continue
        now, then = versions[step], step - staleness
        model.train().load_state_dict(versions[then])
        optimizer.zero_grad()
        backward(setup, config, every[then].x, every[then].labels, (0, then), lambda losses: None)
        model.load_state_dict(now)
        optimizer.lr = config.lr * schedule(step / len(batches), config)
        optimizer.step()
    return model.state_dict()


def test_no_staleness_is_plain_training(tmp_path):
    with few_digits(64, 20):
        for name, staleness in (("plain", None), ("zero", 0)):
            more = {} if staleness is None else {"staleness": staleness}
            fit(Config(model="tiny", epochs=1, batch_size=16, workers=0, output=tmp_path / name, **more))
    assert_same(tmp_path / "plain", tmp_path / "zero")


@pytest.mark.parametrize("version", [Stale.arrays, Stale.earlier_arrays], ids=["now", "earlier"])
def test_stale_gradients_are_part_of_the_checkpoint(tmp_path, monkeypatch, version):
    how = {"model": "tiny", "epochs": 2, "batch_size": 16, "workers": 0, "staleness": 3, "optimizer": "adagrad", "micro_batches": 2}
    with few_digits(64, 20):
        fit(Config(**how, output=tmp_path / "whole"))
        with monkeypatch.context() as patched:
            stop_after(patched, 2)
            patched.setattr(Stale, "arrays", version)
            with pytest.raises(Interrupted):
                fit(Config(**how, output=tmp_path / "stopped"))
        resume(tmp_path / "stopped")
    assert_same(tmp_path / "whole", tmp_path / "stopped")


def test_as_many_stale_gradients_as_are_allowed_fit_into_a_checkpoint(tmp_path):
    stale = Stale([nn.Parameter(np.zeros(1, np.float32)) for _ in range(200)], 4096)
    safetensors.save(tmp_path / "stale.safetensors", {f"stale/{name}": array for name, array in stale.arrays().items()})
    assert len(safetensors.load(tmp_path / "stale.safetensors")[0]) == 4097


