"""The main job as its users run it: through the command line, in a folder of its own."""

import importlib.util
import json
import re
import tomllib

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import safetensors, saved_model
from minigoog.train import Config, __main__, fit, run

from .runs import TINY, metrics_of, train


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    """One run with all the defaults."""
    folder = tmp_path_factory.mktemp("full")
    return train(folder, "--tiny"), folder / "runs" / "tiny-digits-seed0"


def test_the_digits_are_learned(full_run):
    done, folder = full_run
    assert done.returncode == 0, done.stderr
    lines = metrics_of(folder)
    assert [line["epoch"] for line in lines] == list(range(1, 21))
    assert lines[-1]["test_accuracy"] >= 0.97
    assert f"test accuracy {lines[-1]['test_accuracy']:.2%}" in done.stdout


def test_the_run_ends_with_a_confusion_table(full_run):
    done, folder = full_run
    rows = done.stdout[done.stdout.index("true \\ predicted") :].splitlines()[1:11]
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
    (["--epochs", "x"], "--epochs: expected an integer, got 'x'"),
    (["--epochs", "0"], "--epochs is 0, expected at least 1"),
    (["--epochs", "1.5"], "--epochs: expected an integer, got '1.5'"),
    (["--epochs", ""], "--epochs: expected an integer, got ''"),
    (["--epochs"], "--epochs: expected one argument"),
    (["--epochs", str(10**30)], f"--epochs is {10**30}, expected at most"),
    (["--seed", "-1"], "--seed is -1, expected at least 0"),
    (["--seed", str(2**64)], f"--seed is {2**64}, expected at most {2**64 - 1}"),
    (["--lr", "nan"], "--lr is nan, expected a finite number"),
    (["--lr", "inf"], "--lr is inf, expected a finite number"),
    (["--lr", "-1"], "--lr is -1.0, expected a finite number from 0"),
    (["--lr", "0"], "--lr is 0, expected a number above 0"),
    (["--batch-size", "0"], "--batch-size is 0, expected at least 1"),
    (["--batch-size", "9999"], "--batch-size is 9999, expected at most the 1442 training images"),
    (["--threads", "0"], "--threads is 0, expected at least 1"),
    (["--threads", "100000"], "--threads is 100000, expected at most 1024"),
    (["--schedule", "fast"], "--schedule is 'fast', expected one of paper, step, cosine, triangle, constant"),
    (["--model", "vgg"], "--model is 'vgg', expected one of googlenet, small, tiny"),
    (["--data", "nowhere"], "--data is 'nowhere', expected a folder of images or the name of a data set (digits, mnist"),
    (["--norm", "yes"], "unrecognized arguments: yes"),
    (["--model", "lenet5", "--size", "20"], "--size is 20, which lenet5 cannot take ("),
    (["--bogus"], "unrecognized arguments: --bogus"),
    (["--epo", "3"], "unrecognized arguments: --epo"),
    (["--output", ""], "--output is '', expected a name"),
    (["--output", "a file"], "--output is 'a file', expected a new or empty folder to write to (Not a directory)"),
    (["--output", "a file/below"], "--output is 'a file/below', expected a new or empty folder to write to (Not a directory)"),
    (["--output", "."], "--output is '.', expected a new or empty folder to write to (it holds files already"),
    (["--config", "nowhere.toml"], "--config: not allowed with argument --tiny"),
])  # fmt: skip
def test_a_bad_value_gets_one_clear_line(tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("keep me")
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--tiny", *flags])
    errors = capsys.readouterr().err
    assert stop.value.code == 2
    assert errors.count("\n") == 1 and message in errors, errors
    assert (tmp_path / "a file").read_text() == "keep me"


def test_a_bad_folder_is_left_without_a_run(tmp_path):
    (tmp_path / "images" / "cats").mkdir(parents=True)
    (tmp_path / "images" / "dogs").mkdir()
    done = train(tmp_path, "--model", "small", "--data", "images", "--output", "run")
    assert done.returncode == 2 and "has no images" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_without_flags_it_says_what_there_is(tmp_path):
    done = train(tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "nothing to train: pass --tiny" in done.stderr


def test_help_shows_the_common_flags_and_help_all_every_flag(tmp_path):
    flags = {"--" + setting.replace("_", "-") for setting in Config.__dataclass_fields__}
    common, every = (flags & set(re.findall("--[a-z0-9-]+", train(tmp_path, which).stdout)) for which in ("--help", "--help-all"))
    assert every == flags and {"--model", "--epochs", "--lr"} < common < every


def test_every_setting_is_in_one_group_of_the_help():
    assert sorted(name for names in __main__.GROUPS.values() for name in names) == sorted(Config.__dataclass_fields__)


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
