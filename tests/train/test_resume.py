"""Resuming after a stop, a kill or a full disk: bit-exactly, as if the run had never stopped."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from minigoog import data
from minigoog.formats import safetensors
from minigoog.train import Config, Interrupted, checkpoint, fit, loop, resume
from minigoog.train.run import Run

from .runs import assert_same, few_digits, stop_after

SETTINGS = {"model": "tiny", "epochs": 3, "batch_size": 28, "augment": "shift", "average": 0.9, "norm": True, "clip": 1.0,
            "nesterov": True, "label_smoothing": 0.1, "warmup": 0.5, "keep_every": 2}
FLAGS = ["--model", "tiny", "--epochs", "3", "--batch-size", "100", "--augment", "shift", "--average", "0.9", "--norm",
         "--checkpoint-minutes", "0.0005", "--workers", "1"]
KILLS = int(os.environ.get("MINIGOOG_KILLS", "200"))


@pytest.fixture(autouse=True, scope="module")
def quick_epochs():
    """Of 15 steps; and stops fall between two lines of losses and gradient norms."""
    before, loop.LOG_EVERY = loop.LOG_EVERY, 4
    with few_digits(420, 100):
        yield
    loop.LOG_EVERY = before


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    fit(Config(**SETTINGS, output=folder))
    return folder


@pytest.mark.parametrize("stops", [[1], [14], [15], [16], [7, 20]])
def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path, monkeypatch, undisturbed, stops):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(patch, stops[0])
        with pytest.raises(Interrupted):
            fit(Config(**SETTINGS, output=run))
    for n in stops[1:]:
        with monkeypatch.context() as patch:
            stop_after(patch, n)
            with pytest.raises(Interrupted):
                resume(run, threads=1)
    resume(run, workers=0)
    assert_same(run, undisturbed)


def test_what_was_written_after_the_checkpoint_is_written_again(tmp_path, monkeypatch, undisturbed):
    """As if the process had died between the metrics of epoch 2 and its checkpoint."""
    run, save = tmp_path / "run", checkpoint.save

    def die(run, trainer):
        if trainer.progress.epoch == 2:
            raise KeyboardInterrupt
        save(run, trainer)

    with monkeypatch.context() as patch:
        patch.setattr(loop.checkpoint, "save", die)
        with pytest.raises(KeyboardInterrupt):
            fit(Config(**SETTINGS, output=run))
    (run / ".checkpoint.safetensors.abc.tmp").write_bytes(b"half a checkpoint")
    resume(run)
    assert_same(run, undisturbed)
    assert not list(run.glob(".*"))


def test_going_on_with_a_finished_run_changes_nothing(undisturbed):
    before = {path.name: path.read_bytes() for path in undisturbed.glob("*.safetensors")}
    resume(undisturbed)
    assert {path.name: path.read_bytes() for path in undisturbed.glob("*.safetensors")} == before


def test_weights_that_are_gone_from_a_finished_run_are_written_again(tmp_path, undisturbed, capsys):
    run = shutil.copytree(undisturbed, tmp_path / "run")
    before = {name: (run / f"{name}.safetensors").read_bytes() for name in ("last", "averaged")}
    for name in before:
        (run / f"{name}.safetensors").unlink()
    resume(run)
    assert {name: (run / f"{name}.safetensors").read_bytes() for name in before} == before
    assert "last.safetensors was missing: written again from the checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("best, said", [(2.0, "not in the checkpoint"), (-1.0, "written again")])
def test_the_best_weights_are_written_again_if_they_were_the_last(tmp_path, monkeypatch, undisturbed, capsys, best, said):
    run, load = shutil.copytree(undisturbed, tmp_path / "run"), loop.Trainer.load

    def with_best(trainer, *accept):
        load(trainer, *accept)
        trainer.progress.best = best

    monkeypatch.setattr(loop.Trainer, "load", with_best)
    (run / "best.safetensors").unlink()
    resume(run)
    assert f"best.safetensors was missing: {said}" in capsys.readouterr().out
    assert (run / "best.safetensors").exists() == (best < 0)


def test_an_ensemble_says_what_its_models_reach_together(tmp_path, capsys):
    with few_digits(400, 100):
        found = fit(Config(model="tiny", epochs=2, batch_size=50, models=3, workers=0, output=tmp_path / "run"))
    labels = data.digits()[1].labels[:100]
    accuracies = [np.mean(result.probabilities.argmax(axis=1) == labels) for result in found]
    assert accuracies == [result.accuracy for result in found]
    mean = sum(result.probabilities.astype(np.float64) for result in found) / 3
    assert f"the 3 models together: test accuracy {np.mean(mean.argmax(axis=1) == labels):.2%}" in capsys.readouterr().out


def test_an_ensemble_prepares_its_data_once(tmp_path, monkeypatch):
    opened, original = [], data.open_dataset
    monkeypatch.setattr(data, "open_dataset", lambda name, split, *where: opened.append(split) or original(name, split, *where))
    fit(Config(model="tiny", epochs=1, batch_size=210, models=3, workers=0, output=tmp_path / "run"))
    assert opened == ["train", "test"]


def test_an_ensemble_goes_on_with_the_model_that_was_stopped(tmp_path, monkeypatch):
    settings = {"model": "tiny", "epochs": 1, "batch_size": 53, "models": 3, "workers": 0}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    fit(Config(**settings, output=whole))
    with monkeypatch.context() as patch:
        stop_after(patch, 11)  # in the second model
        with pytest.raises(Interrupted, match=f"--resume {re.escape(str(stopped))}$"):
            fit(Config(**settings, output=stopped))
    resume(stopped)
    for i in (1, 2, 3):
        assert_same(whole / f"model-{i}", stopped / f"model-{i}")
    first, second = (safetensors.load(whole / f"model-{i}" / "last.safetensors")[0] for i in (1, 2))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture
def squares(tmp_path):
    """A folder of 20 images of two classes."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    for label, name in enumerate(["dark", "light"]):
        (tmp_path / "squares" / name).mkdir(parents=True)
        for i in range(10):
            colour = (100 * label + 5 * i, 50, 200 - i)
            image_module.new("RGB", (8, 8), colour).save(tmp_path / "squares" / name / f"{i}.png")
    return tmp_path / "squares"


def stopped_run(monkeypatch, data, folder):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Interrupted):
            fit(Config(model="tiny", epochs=2, batch_size=4, lr=1e-3, workers=0, data=data, output=folder))


def test_a_run_goes_on_where_its_data_have_moved_to(tmp_path, monkeypatch, squares):
    monkeypatch.chdir(tmp_path)
    fit(Config(model="tiny", epochs=2, batch_size=4, lr=1e-3, workers=0, data="squares", output="whole"))
    stopped_run(monkeypatch, "squares", tmp_path / "run")
    monkeypatch.chdir(squares)  # a relative path is kept as one that is right from anywhere
    resume(tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")
    stopped_run(monkeypatch, squares, tmp_path / "again")
    shutil.move(squares, tmp_path / "elsewhere")
    resume(tmp_path / "again", data=tmp_path / "elsewhere")
    assert_same(tmp_path / "again", tmp_path / "whole")


def test_a_run_does_not_go_on_with_other_images(tmp_path, monkeypatch, squares):
    stopped_run(monkeypatch, squares, tmp_path / "run")
    (squares / "dark" / "00.png").write_bytes((squares / "dark" / "9.png").read_bytes())
    with pytest.raises(ValueError, match=r"cannot be resumed bit-exactly\..* training images of class dark: 9 \(was 8\)"):
        resume(tmp_path / "run")


@pytest.mark.parametrize("changes, error, message", [
    ({"lr": 1.0}, ValueError, "`lr` cannot change when a run is resumed; only `threads`"),
    ({"epochs": 1}, ValueError, "`epochs` is 1, expected more than"),
    ({"threads": 0}, ValueError, "`threads` is 0"),
])  # fmt: skip
def test_only_what_changes_no_bit_may_change(undisturbed, changes, error, message):
    with pytest.raises(error, match=message):
        resume(undisturbed, **changes)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`resume` is '.*', expected the folder of a run"):
        resume(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"\xff" * len(data)])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    fit(Config(model="tiny", epochs=1, workers=0, output=tmp_path / "run"))
    path = tmp_path / "run" / "checkpoint.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="checkpoint.safetensors: not a valid safetensors file"):
        resume(tmp_path / "run")


def test_two_processes_cannot_train_one_run(tmp_path):
    pytest.importorskip("fcntl", reason="no file locks here: two trainings of one run were not tried")
    fit(Config(model="tiny", epochs=1, workers=0, output=tmp_path / "run"))
    with Run(tmp_path / "run").locked(), pytest.raises(BlockingIOError, match="is being trained by another process"):
        resume(tmp_path / "run")


def killed_at_random(folder, rng, whole_seconds):
    """Starts (or resumes) a run in `folder` and kills it at a random moment; whether it ended before."""
    started = (folder / "config.toml").exists()
    flags = ["--resume", str(folder)] if started else [*FLAGS, "--output", str(folder)]
    with subprocess.Popen([sys.executable, "-m", "minigoog.train", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            process.wait(timeout=rng.uniform(0.3, whole_seconds))
        except subprocess.TimeoutExpired:
            process.kill()
        errors = process.stderr.read().decode()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode == 0


@pytest.mark.slow
def test_200_kills_lose_nothing(tmp_path):
    """kill -9 at random moments, checkpoints being written among them; MINIGOOG_KILLS says how many."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "minigoog.train", *FLAGS, "--output", str(tmp_path / "whole")], check=True, capture_output=True)
    whole_seconds, kills, runs, rng = time.perf_counter() - began, 0, 0, random.Random(0)
    while kills < KILLS:
        folder = tmp_path / f"run-{runs}"
        while not killed_at_random(folder, rng, whole_seconds):
            kills += 1
            if folder.exists() and not (folder / "config.toml").exists():  # killed before there was anything to resume
                shutil.rmtree(folder)
        assert_same(folder, tmp_path / "whole")
        runs += 1
