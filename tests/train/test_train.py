"""The main job as its users run it: through the command line, in a folder of its own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import safetensors

COMMAND = [sys.executable, "-m", "minigoog.train"]


def train(folder, *flags):
    """Runs the program to its end in `folder`."""
    return subprocess.run([*COMMAND, *map(str, flags)], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    """One run with all the defaults."""
    folder = tmp_path_factory.mktemp("full")
    return train(folder, "--tiny"), folder / "runs" / "tiny-seed0"


def metrics_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_digits_are_learned(full_run):
    done, folder = full_run
    assert done.returncode == 0, done.stderr
    lines = metrics_of(folder)
    assert [line["epoch"] for line in lines] == list(range(1, 21))
    assert lines[-1]["test_accuracy"] >= 0.97
    assert f"test accuracy {lines[-1]['test_accuracy']:.2%}" in done.stdout


def test_the_run_ends_with_a_confusion_table(full_run):
    done, folder = full_run
    rows = done.stdout[done.stdout.index("true \\ taken for") :].splitlines()[1:11]
    table = np.array([[0 if cell == "." else int(cell) for cell in row.split()[1:]] for row in rows])
    assert table.shape == (10, 10) and table.sum() == 355
    assert np.trace(table) / 355 == pytest.approx(metrics_of(folder)[-1]["test_accuracy"])


def test_the_run_folder_holds_settings_and_metrics(full_run):
    _, folder = full_run
    config = json.loads((folder / "config.json").read_text())
    assert config["epochs"] == 20 and config["seed"] == 0 and config["lr"] == 0.03 and config["parameters"] == 104_058
    assert "kernels" in config["machine"] and config["minigoog"] == mg.__version__
    fields = {"epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "lr", "seconds", "images_per_second"}
    assert all(set(line) == fields for line in metrics_of(folder))
    assert (folder / "curve.png").exists() == (importlib.util.find_spec("matplotlib") is not None)


def test_the_weights_give_the_accuracy_that_was_reported(full_run):
    done, folder = full_run
    weights, info = safetensors.load(folder / "weights.safetensors")
    model = mg.models.TinyInception().eval()
    model.load_state_dict(weights)
    _, test = mg.data.digits()
    images = (test.images - float(info["input_mean"])) / float(info["input_deviation"])
    with mg.no_grad():
        predicted = model(mg.Tensor(images.astype(np.float32))).data.argmax(axis=1)
    assert (predicted == test.labels).mean() == pytest.approx(metrics_of(folder)[-1]["test_accuracy"])
    assert info["epoch"] == "20" and info["model"] == "tiny"


def test_the_same_seed_gives_the_same_weights_for_any_number_of_threads(tmp_path):
    for name, flags in {"a": ["--threads", 1], "b": ["--threads", 2], "c": ["--seed", 1]}.items():
        assert train(tmp_path, "--tiny", "--epochs", 1, "--output", name, *flags).returncode == 0
    a, b, c = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b and a != c


@pytest.mark.parametrize("flags, message", [
    (["--epochs", "x"], "--epochs: 'x' came, expected a whole number of at least 1"),
    (["--epochs", "0"], "--epochs: '0' came, expected a whole number of at least 1"),
    (["--epochs", "1.5"], "--epochs: '1.5' came, expected a whole number"),
    (["--seed", "-1"], "--seed: '-1' came, expected a whole number of at least 0"),
    (["--lr", "nan"], "--lr: 'nan' came, expected a number above 0"),
    (["--lr", "inf"], "--lr: 'inf' came, expected a number above 0"),
    (["--lr", "0"], "--lr: '0' came, expected a number above 0"),
    (["--batch-size", "0"], "--batch-size: '0' came, expected a whole number of at least 1"),
    (["--batch-size", "9999"], "`batch_size` is 9999, expected at most the 1442 training images"),
    (["--threads", "0"], "--threads: '0' came, expected a whole number of at least 1"),
    (["--threads", "100000"], "--threads: '100000' came, expected a whole number of at least 1 and at most 1024"),
    (["--bogus"], "unrecognized arguments: --bogus"),
    (["--output", "a file"], "a file exists and is not an empty folder"),
    (["--output", "a file/below"], "a file/below"),
])  # fmt: skip
def test_a_bad_value_gets_one_clear_line(tmp_path, flags, message):
    (tmp_path / "a file").write_text("keep me")
    done = train(tmp_path, "--tiny", *flags)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr
    assert (tmp_path / "a file").read_text() == "keep me"


def test_without_tiny_it_says_what_there_is(tmp_path):
    done = train(tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--tiny" in done.stderr


def test_help_names_every_flag(tmp_path):
    done = train(tmp_path, "--help")
    assert done.returncode == 0
    assert all(flag in done.stdout for flag in ("--tiny", "--seed", "--epochs", "--batch-size", "--lr", "--threads", "--output"))


def test_no_earlier_run_is_overwritten(tmp_path):
    for name in ("tiny-seed0", "tiny-seed0-2"):
        assert train(tmp_path, "--tiny", "--epochs", 1).returncode == 0
        assert (tmp_path / "runs" / name / "weights.safetensors").exists()
    before = (tmp_path / "runs" / "tiny-seed0" / "metrics.jsonl").read_text()
    done = train(tmp_path, "--tiny", "--epochs", 2, "--output", "runs/tiny-seed0")
    assert done.returncode == 2 and "exists and is not an empty folder" in done.stderr
    assert (tmp_path / "runs" / "tiny-seed0" / "metrics.jsonl").read_text() == before


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_saves_the_weights_and_says_where(tmp_path, number, code):
    flags = ["--tiny", "--epochs", "100000", "--output", "run"]
    process = subprocess.Popen([*COMMAND, *flags], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().lstrip().startswith("1 "):
        assert process.poll() is None, process.stderr.read()
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.strip().count("\n") == 0 and "run/weights.safetensors" in errors and "Traceback" not in errors
    weights, info = safetensors.load(tmp_path / "run" / "weights.safetensors")
    mg.models.TinyInception().load_state_dict(weights)
    assert float(info["epoch"]) > 1


def test_a_loss_that_is_not_finite_stops_with_advice(tmp_path):
    done = train(tmp_path, "--tiny", "--lr", "1e9", "--output", "run")
    assert done.returncode == 1
    assert "try a smaller --lr than 1e+09" in done.stderr and "Traceback" not in done.stderr
