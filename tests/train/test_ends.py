"""How a training ends before its last epoch: stops, losses that are not finite, full disks, damaged data."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigoog.formats import safetensors, saved_model
from minigoog.train import Config, Interrupted, TrainingError, __main__, fit, log, loop, results, run, setup, signals

from .runs import COMMAND, TINY, metrics_of, train


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_saves_a_checkpoint_and_says_how_to_resume(tmp_path, number, code):
    flags = ["--tiny", "--epochs", "100000", "--output", "run"]
    process = subprocess.Popen([*COMMAND, *flags], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().lstrip().startswith("1 "):
        assert process.poll() is None, process.stderr.read()
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.strip().count("\n") == 0 and "--resume run" in errors and "Traceback" not in errors
    assert json.loads(safetensors.load(tmp_path / "run" / "checkpoint.safetensors")[1]["progress"])["total_steps"] >= 23


def test_a_loss_that_is_not_finite_stops_with_advice(tmp_path):
    done = train(tmp_path, "--tiny", "--lr", "1e9", "--output", "run")
    assert done.returncode == 1 and done.stderr.strip().count("\n") == 0
    anew = "--config run/config.toml --output NEW_FOLDER --lr 1e+08\n"
    assert "try a smaller --lr than 1e+09" in done.stderr and done.stderr.endswith(anew) and "--resume" not in done.stderr


def test_weights_that_broke_in_the_last_step_of_an_epoch_are_not_kept(tmp_path):
    done = train(tmp_path, "--tiny", "--batch-size", 1442, "--lr", "1e9", "--output", "run")  # one step: its loss is finite
    assert done.returncode == 1 and "the loss became nan after epoch 1" in done.stderr
    assert "--resume" not in done.stderr and not (tmp_path / "run" / "last.safetensors").exists()


def second_call(monkeypatch, owner, name, instead, number=2):
    """Makes the second call (or another) of owner.name `instead(*args)`."""
    original = getattr(owner, name)
    calls = iter([original] * (number - 1) + [instead])
    monkeypatch.setattr(owner, name, lambda *args: next(calls, original)(*args))


def test_a_test_loss_that_is_not_finite_leaves_the_last_good_epoch(tmp_path, monkeypatch):
    broken = loop.testing.Tested(float("nan"), 0.0, np.zeros((0, 10), np.float32))
    second_call(monkeypatch, loop.testing, "test", lambda *_: broken)
    with pytest.raises(TrainingError, match=r"nan after epoch 2: .* Or change `lr` in .* from epoch 1\.00: .* --accept-changes$"):
        fit(Config(**TINY, output=tmp_path / "run"))
    assert saved_model.load(tmp_path / "run" / "last.safetensors")[1].more["epoch"] == "1"
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1]


def test_a_full_disk_stops_with_the_last_checkpoint_in_place(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    second_call(monkeypatch, loop.checkpoint, "save", no_space, 3)  # the first is at the start
    with pytest.raises(TrainingError, match=r"No space left on device.* Resume from epoch 1\.00 with"):
        fit(Config(**TINY, output=tmp_path / "run"))
    progress = json.loads(safetensors.load(tmp_path / "run" / "checkpoint.safetensors")[1]["progress"])
    assert (progress["epoch"], progress["step"]) == (1, 0)


def test_a_disk_that_is_too_small_is_no_wrong_flag(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits on files here: a full disk was not tried through the command line")

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    flags = ["--tiny", "--epochs", "1", "--output", "run"]
    done = subprocess.run([*COMMAND, *flags], cwd=tmp_path, capture_output=True, text=True, timeout=300, preexec_fn=small_disk)
    assert done.returncode == 1 and "file too large" in done.stderr and "There is no checkpoint yet" in done.stderr
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.toml", "machine.json"]


def test_a_stop_within_an_epoch_keeps_the_step_in_progress(tmp_path, monkeypatch):
    def interrupted_step(*args, step=loop.Trainer._step):
        os.kill(os.getpid(), signal.SIGTERM)
        return step(*args)

    second_call(monkeypatch, loop.Trainer, "_step", interrupted_step)
    with pytest.raises(Interrupted, match=r"stopped after step 2 of epoch 1\. Resume from epoch 0\.09 with") as stop:
        fit(Config(**TINY, output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGTERM


def test_a_stop_after_the_last_step_is_a_stop_too(tmp_path, monkeypatch):
    def interrupt(*_):
        os.kill(os.getpid(), signal.SIGINT)
        return loop.testing.Tested(1.0, 0.5, np.zeros((0, 10), np.float32))

    monkeypatch.setattr(loop.testing, "test", interrupt)
    with pytest.raises(Interrupted, match=r"stopped after epoch 1\. Resume from epoch 1\.00 with") as stop:
        fit(Config(**TINY | {"epochs": 1}, output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGINT


def test_a_ctrl_c_outside_the_steps_gives_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(results.curves, "draw", interrupt)
    monkeypatch.setattr(sys, "argv", ["train", "--tiny", "--epochs", "1", "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    assert stop.value.code == 130 and capsys.readouterr().err.startswith("\nstopped at once. Resume from epoch 1.00 with: python -m")
    saved_model.load(tmp_path / "run" / "last.safetensors")


def test_a_reader_that_goes_away_gives_no_traceback(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    flags = ["--tiny", "--epochs", "1", "--output", "run"]
    done = subprocess.run([*COMMAND, *flags], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300)
    os.close(writing)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1, 2, 141), (done.returncode, done.stderr)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:60])], ids=["vanishes", "is torn"])
def test_a_data_file_that_is_harmed_stops_with_its_name(tmp_path, harm):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): folders of images were not tried")
    for part, n in (("train", 16), ("test", 4)):
        for name, colour in (("red", (200, 10, 10)), ("blue", (10, 10, 200))):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for i in range(n):
                image_module.new("RGB", (40 + i, 40), colour).save(tmp_path / "data" / part / name / f"{i}.png")
    config = Config(model="small", data=tmp_path / "data", size=32, norm=True, epochs=1, batch_size=8, output=tmp_path / "run")
    assert fit(config).confusion.sum() == 8
    trainer = loop.Trainer(config, setup.prepare(config), run.Run(tmp_path / "run"), log.Log())
    harm(tmp_path / "data" / "train" / "red" / "3.png")
    with signals.StopRequests() as stop, pytest.raises(TrainingError, match=r"3\.png"):
        trainer.train(stop)
