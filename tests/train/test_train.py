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
from minigoog.train import Config, Interrupted, TrainingError, __main__, fit, loop, run

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
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines()]


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
    assert config["output"] == "runs/tiny-seed0"
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
    (["--lr", "-1"], "--lr: '-1' came, expected a number above 0"),
    (["--lr", "0"], "--lr: '0' came, expected a number above 0"),
    (["--batch-size", "0"], "--batch-size: '0' came, expected a whole number of at least 1"),
    (["--batch-size", "9999"], "--batch-size is 9999, expected at most the 1442 training images"),
    (["--threads", "0"], "--threads: '0' came, expected a whole number of at least 1"),
    (["--threads", "100000"], "--threads: '100000' came, expected a whole number of at least 1 and at most 1024"),
    (["--bogus"], "unrecognized arguments: --bogus"),
    (["--epo", "3"], "unrecognized arguments: --epo"),
    (["--output", ""], "--output is '', expected the name of a folder"),
    (["--output", "a file"], "--output is 'a file', expected a new or empty folder to write to (File exists)"),
    (["--output", "a file/below"], "--output is 'a file/below', expected a new or empty folder to write to (Not a directory)"),
    (["--output", "."], "--output is '.', expected a new or empty folder to write to (it holds files already)"),
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
    assert done.returncode == 2 and "expected a new or empty folder" in done.stderr
    assert (tmp_path / "runs" / "tiny-seed0" / "metrics.jsonl").read_text() == before


def test_runs_that_start_together_get_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(run._new_folder("runs/tiny-seed0")) for _ in range(3)] == ["runs/tiny-seed0", "runs/tiny-seed0-2", "runs/tiny-seed0-3"]


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
    assert float(info["epoch"]) >= 1


def test_a_loss_that_is_not_finite_stops_with_advice(tmp_path):
    done = train(tmp_path, "--tiny", "--lr", "1e9", "--output", "run")
    assert done.returncode == 1
    assert "try a smaller --lr than 1e+09" in done.stderr and "Traceback" not in done.stderr


def test_weights_that_broke_in_the_last_step_of_an_epoch_are_not_kept(tmp_path):
    done = train(tmp_path, "--tiny", "--batch-size", 1442, "--lr", "1e9", "--output", "run")  # one step: its loss is finite
    assert done.returncode == 1 and "the loss became nan after epoch 1" in done.stderr
    assert "There are no weights yet" in done.stderr and not (tmp_path / "run" / "weights.safetensors").exists()


def second_call(monkeypatch, owner, name, instead):
    """Makes the second call of owner.name `instead(*args)`."""
    calls, original = iter([getattr(owner, name), instead]), getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: next(calls, original)(*args))


def test_a_test_loss_that_is_not_finite_leaves_the_last_good_epoch(tmp_path, monkeypatch):
    second_call(monkeypatch, loop, "evaluate", lambda *_: (float("nan"), 0.0))
    with pytest.raises(TrainingError, match=r"became nan after epoch 2: .* The weights after 1\.00 epochs are in"):
        fit(Config(epochs=3, output=tmp_path / "run"))
    assert safetensors.load(tmp_path / "run" / "weights.safetensors")[1]["epoch"] == "1"
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1]


def test_a_full_disk_stops_with_the_last_weights_in_place(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    second_call(monkeypatch, run.Run, "save_weights", no_space)
    with pytest.raises(TrainingError, match=r"No space left on device.* The weights after 1\.00 epochs are in"):
        fit(Config(epochs=3, output=tmp_path / "run"))
    assert safetensors.load(tmp_path / "run" / "weights.safetensors")[1]["epoch"] == "1"


def test_a_disk_that_is_too_small_is_no_wrong_flag(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits on files here: a full disk was not tried through the command line")

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    flags = ["--tiny", "--epochs", "1", "--output", "run"]
    done = subprocess.run([*COMMAND, *flags], cwd=tmp_path, capture_output=True, text=True, timeout=300, preexec_fn=small_disk)
    assert done.returncode == 1 and "writing failed" in done.stderr and "There are no weights yet" in done.stderr
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def test_a_stop_within_an_epoch_keeps_the_weights_of_the_step_in_progress(tmp_path, monkeypatch):
    def interrupted_step(*args, step=loop.step):
        os.kill(os.getpid(), signal.SIGTERM)
        return step(*args)

    second_call(monkeypatch, loop, "step", interrupted_step)
    with pytest.raises(Interrupted, match=r"stopped after step 2 of epoch 1\. The weights after 0\.09 epochs") as stop:
        fit(Config(output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGTERM
    assert float(safetensors.load(tmp_path / "run" / "weights.safetensors")[1]["epoch"]) == pytest.approx(2 / 23, rel=1e-5)


def test_a_stop_after_the_last_step_is_a_stop_too(tmp_path, monkeypatch):
    def interrupt(*_):
        os.kill(os.getpid(), signal.SIGINT)
        return 1.0, 0.5

    monkeypatch.setattr(loop, "evaluate", interrupt)
    with pytest.raises(Interrupted, match=r"stopped after epoch 1\. The weights after 1\.00 epochs") as stop:
        fit(Config(epochs=1, output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGINT


def test_a_ctrl_c_outside_the_steps_gives_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Run, "plot", interrupt)
    monkeypatch.setattr(sys, "argv", ["train", "--tiny", "--epochs", "1", "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    assert stop.value.code == 130 and capsys.readouterr().err == "\nstopped at once; the files that the run has written by now are whole\n"
    safetensors.load(tmp_path / "run" / "weights.safetensors")
