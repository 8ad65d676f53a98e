"""The main job as its users run it: through the command line, in a folder of its own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import safetensors, saved_model
from minigoog.train import Config, Interrupted, TrainingError, __main__, fit, log, loop, run, setup, signals

COMMAND = [sys.executable, "-m", "minigoog.train"]
TINY = {"model": "tiny", "workers": 0, "epochs": 3}


def train(folder, *flags):
    """Runs the program to its end in `folder`."""
    return subprocess.run([*COMMAND, *map(str, flags)], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    """One run with all the defaults."""
    folder = tmp_path_factory.mktemp("full")
    return train(folder, "--tiny"), folder / "runs" / "tiny-digits-seed0"


def metrics_of(folder, kind="test_loss"):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    lines = (json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if kind in line]


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
    settings = tomllib.loads((folder / "config.toml").read_text())
    assert settings["epochs"] == 20 and settings["seed"] == 0 and settings["lr"] == 0.03 and settings["model"] == "tiny"
    machine = json.loads((folder / "machine.json").read_text())
    assert "kernels" in machine and machine["minigoog"] == mg.__version__
    results = {f"{part}_{what}" for part in ("train", "test") for what in ("loss", "accuracy")}
    fields = results | {"epoch", "lr", "seconds", "images_per_second", "waiting", "test_seconds"}
    assert all(set(line) == fields for line in metrics_of(folder))
    assert (folder / "curve.png").exists() == (importlib.util.find_spec("matplotlib") is not None)


def test_the_metrics_hold_losses_and_gradient_norms_of_the_modules(full_run):
    looks = metrics_of(full_run[1], "gradient_norms")
    assert [line["step"] for line in looks] == list(range(50, 20 * 23 + 1, 50))
    assert all(list(line["gradient_norms"]) == ["inception2a", "inception2b", "inception3a", "inception3b"] for line in looks)
    assert all(len(line["losses"]) == 1 and min(line["gradient_norms"].values()) > 0 for line in looks)


def test_the_weights_give_the_accuracy_that_was_reported(full_run):
    _, folder = full_run
    weights, info = saved_model.load(folder / "last.safetensors")
    model = mg.models.build(info.model, **info.arguments).eval()
    model.load_state_dict(weights)
    _, test = mg.data.digits()
    with mg.no_grad():
        predicted = model(mg.Tensor(((test.images - info.mean) / info.std).astype(np.float32))).data.argmax(axis=1)
    assert (predicted == test.labels).mean() == pytest.approx(metrics_of(folder)[-1]["test_accuracy"])
    assert info.more["epoch"] == "20" and info.classes == tuple("0123456789") and info.input_size == (8, 8, 1)


def test_each_file_of_weights_says_its_own_accuracy(tmp_path):
    fit(Config(**TINY, average=0.99, output=tmp_path / "run"))
    lines = metrics_of(tmp_path / "run")
    infos = {name: saved_model.load(tmp_path / "run" / f"{name}.safetensors")[1] for name in ("last", "averaged", "best")}
    said = {name: float(info.more["test_accuracy"]) for name, info in infos.items()}
    assert said["last"] == pytest.approx(lines[-1]["test_accuracy"], abs=1e-4)
    assert said["averaged"] == pytest.approx(lines[-1]["averaged_test_accuracy"], abs=1e-4)
    assert said["best"] == pytest.approx(max(line["averaged_test_accuracy"] for line in lines), abs=1e-4)


def arrays_of(folder):
    return safetensors.load(folder / "last.safetensors")[0]


def test_the_same_seed_gives_the_same_weights_for_any_number_of_threads_and_workers(tmp_path):
    runs = {"a": ["--threads", 1], "b": ["--threads", 2, "--workers", 3], "c": ["--seed", 1], "d": ["--sampling-seed", 1]}
    for name, flags in runs.items():
        assert train(tmp_path, "--tiny", "--augment", "shift", "--epochs", 1, "--output", name, *flags).returncode == 0
    a, b, *others = (arrays_of(tmp_path / name) for name in runs)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert all(any(not np.array_equal(a[name], other[name]) for name in a) for other in others)


@pytest.mark.parametrize("flags, message", [
    (["--epochs", "x"], "--epochs: 'x' came, expected a whole number"),
    (["--epochs", "0"], "--epochs is 0, expected at least 1"),
    (["--epochs", "1.5"], "--epochs: '1.5' came, expected a whole number"),
    (["--epochs", ""], "--epochs: '' came, expected a whole number"),
    (["--epochs"], "--epochs: expected one argument"),
    (["--epochs", str(10**30)], f"--epochs is {10**30}, expected at most"),
    (["--seed", "-1"], "--seed is -1, expected at least 0"),
    (["--seed", str(2**64)], f"--seed is {2**64}, expected at most {2**64 - 1}"),
    (["--lr", "nan"], "--lr is nan, expected it finite"),
    (["--lr", "inf"], "--lr is inf, expected it finite"),
    (["--lr", "-1"], "--lr is -1.0, expected it finite and from 0"),
    (["--lr", "0"], "--lr is 0, expected it above 0"),
    (["--batch-size", "0"], "--batch-size is 0, expected at least 1"),
    (["--batch-size", "9999"], "--batch-size is 9999, expected at most the 1442 training images"),
    (["--threads", "0"], "--threads is 0, expected at least 1"),
    (["--threads", "100000"], "--threads is 100000, expected at most 1024"),
    (["--schedule", "fast"], "--schedule is 'fast', expected one of paper, step, cosine, constant"),
    (["--model", "vgg"], "--model is 'vgg', expected one of googlenet, small, tiny"),
    (["--data", "nowhere"], "--data is 'nowhere', expected a folder of images or the name of a data set (digits, mnist"),
    (["--norm", "yes"], "unrecognized arguments: yes"),
    (["--model", "lenet5", "--size", "20"], "--size is 20, which lenet5 cannot take ("),
    (["--bogus"], "unrecognized arguments: --bogus"),
    (["--epo", "3"], "unrecognized arguments: --epo"),
    (["--output", ""], "--output is '', expected a name"),
    (["--output", "a file"], "--output is 'a file', expected a new or empty folder to write to (File exists)"),
    (["--output", "a file/below"], "--output is 'a file/below', expected a new or empty folder to write to (Not a directory)"),
    (["--output", "."], "--output is '.', expected a new or empty folder to write to (it holds files already"),
    (["--config", "nowhere.toml"], "--config: not allowed with argument --tiny"),
])  # fmt: skip
def test_a_bad_value_gets_one_clear_line(tmp_path, flags, message):
    (tmp_path / "a file").write_text("keep me")
    done = train(tmp_path, "--tiny", *flags)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr, done.stderr
    assert (tmp_path / "a file").read_text() == "keep me"


def test_a_bad_folder_is_left_without_a_run(tmp_path):
    (tmp_path / "images" / "cats").mkdir(parents=True)
    (tmp_path / "images" / "dogs").mkdir()
    done = train(tmp_path, "--model", "small", "--data", "images", "--output", "run")
    assert done.returncode == 2 and "has no images" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_without_flags_it_says_what_there_is(tmp_path):
    done = train(tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--tiny" in done.stderr


def test_help_names_every_flag(tmp_path):
    done = train(tmp_path, "--help")
    assert done.returncode == 0
    for setting in Config.__dataclass_fields__:
        assert "--" + setting.replace("_", "-") in done.stdout


def test_no_earlier_run_is_overwritten(tmp_path):
    for name in ("tiny-digits-seed0", "tiny-digits-seed0-2"):
        assert train(tmp_path, "--tiny", "--epochs", 1).returncode == 0
        assert (tmp_path / "runs" / name / "last.safetensors").exists()
    before = (tmp_path / "runs" / "tiny-digits-seed0" / "metrics.jsonl").read_text()
    done = train(tmp_path, "--tiny", "--epochs", 2, "--output", "runs/tiny-digits-seed0")
    assert done.returncode == 2 and "expected a new or empty folder" in done.stderr
    assert (tmp_path / "runs" / "tiny-digits-seed0" / "metrics.jsonl").read_text() == before


def test_runs_that_start_together_get_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(run._new_folder("runs/tiny")) for _ in range(3)] == ["runs/tiny", "runs/tiny-2", "runs/tiny-3"]


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
    assert "try a smaller --lr than 1e+09" in done.stderr and "Traceback" not in done.stderr


def test_weights_that_broke_in_the_last_step_of_an_epoch_are_not_kept(tmp_path):
    done = train(tmp_path, "--tiny", "--batch-size", 1442, "--lr", "1e9", "--output", "run")  # one step: its loss is finite
    assert done.returncode == 1 and "the loss became nan after epoch 1" in done.stderr
    assert "There is no checkpoint yet" in done.stderr and not (tmp_path / "run" / "last.safetensors").exists()


def second_call(monkeypatch, owner, name, instead):
    """Makes the second call of owner.name `instead(*args)`."""
    calls, original = iter([getattr(owner, name), instead]), getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: next(calls, original)(*args))


def test_a_test_loss_that_is_not_finite_leaves_the_last_good_epoch(tmp_path, monkeypatch):
    second_call(monkeypatch, loop.Trainer, "test", lambda _: (float("nan"), 0.0))
    with pytest.raises(TrainingError, match=r"became nan after epoch 2: .* Go on from epoch 1\.00 with"):
        fit(Config(**TINY, output=tmp_path / "run"))
    assert saved_model.load(tmp_path / "run" / "last.safetensors")[1].more["epoch"] == "1"
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1]


def test_a_full_disk_stops_with_the_last_checkpoint_in_place(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    second_call(monkeypatch, loop.checkpoint, "save", no_space)
    with pytest.raises(TrainingError, match=r"No space left on device.* Go on from epoch 1\.00 with"):
        fit(Config(**TINY, output=tmp_path / "run"))
    progress = json.loads(safetensors.load(tmp_path / "run" / "checkpoint.safetensors")[1]["progress"])
    assert (progress["epoch"], progress["step"]) == (1, 0)


def test_a_disk_that_is_too_small_is_no_wrong_flag(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits on files here: a full disk was not tried through the command line")

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    flags = ["--tiny", "--epochs", "1", "--output", "run"]
    done = subprocess.run([*COMMAND, *flags], cwd=tmp_path, capture_output=True, text=True, timeout=300, preexec_fn=small_disk)
    assert done.returncode == 1 and "File too large" in done.stderr and "There is no checkpoint yet" in done.stderr
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.toml", "machine.json"]


def test_a_stop_within_an_epoch_keeps_the_step_in_progress(tmp_path, monkeypatch):
    def interrupted_step(*args, step=loop.Trainer._step):
        os.kill(os.getpid(), signal.SIGTERM)
        return step(*args)

    second_call(monkeypatch, loop.Trainer, "_step", interrupted_step)
    with pytest.raises(Interrupted, match=r"stopped after step 2 of epoch 1\. Go on from epoch 0\.09 with") as stop:
        fit(Config(**TINY, output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGTERM


def test_a_stop_after_the_last_step_is_a_stop_too(tmp_path, monkeypatch):
    def interrupt(_):
        os.kill(os.getpid(), signal.SIGINT)
        return 1.0, 0.5

    monkeypatch.setattr(loop.Trainer, "test", interrupt)
    with pytest.raises(Interrupted, match=r"stopped after epoch 1\. Go on from epoch 1\.00 with") as stop:
        fit(Config(**TINY | {"epochs": 1}, output=tmp_path / "run"))
    assert stop.value.signal == signal.SIGINT


def test_a_ctrl_c_outside_the_steps_gives_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "plot", interrupt)
    monkeypatch.setattr(sys, "argv", ["train", "--tiny", "--epochs", "1", "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    assert stop.value.code == 130 and capsys.readouterr().err.startswith("\nstopped at once; the files that the run has written")
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
