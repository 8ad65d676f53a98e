"""What has changed between a stop and its resumption is noticed, said, and left to the user; and nothing of a run is lost."""

import json
import os
import re
import shutil
import signal

import pytest

from minigoog import data
from minigoog.data import folder as image_folders
from minigoog.reading import LONGEST_JSON
from minigoog.train import Config, Interrupted, TrainingError, __main__, checkpoint, fingerprint, fit, loop, resume, setup

from .runs import metrics_of
from .test_resume import assert_same, squares, stop_after  # noqa: F401

SETTINGS = {"model": "tiny", "epochs": 2, "batch_size": 10, "workers": 0}


@pytest.fixture(autouse=True, scope="module")
def few_digits():
    """60 digits for training and 20 for testing, so that an epoch has 6 steps."""
    train, test = data.digits()
    sizes = {"train": (train, 60), "test": (test, 20)}
    few = {split: data.ArrayDataset(all_of.images[:n], all_of.labels[:n], all_of.classes) for split, (all_of, n) in sizes.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup.data, "open_dataset", lambda name, split, *where, opened=data.open_dataset:
                      few[split] if name == "digits" else opened(name, split, *where))  # fmt: skip
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was not stopped."""
    fit(Config(**SETTINGS, output=tmp_path_factory.mktemp("whole") / "run"))
    return tmp_path_factory.getbasetemp() / "whole0" / "run"


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 8)  # in the second epoch
        fit(Config(**SETTINGS, output=folder))
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A run with weights and metrics that was stopped in its second epoch."""
    return shutil.copytree(stopped_once, tmp_path / "stopped")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(folder, message, **changes):
    """Asserts that the run in a folder is not resumed, for this reason, and left as it is."""
    before = content(folder)
    with pytest.raises(ValueError, match=message):
        resume(folder, **changes)
    assert content(folder) == before


# ---- files of the run ----


@pytest.mark.parametrize("left", [["metrics.jsonl"], ["best.safetensors"], ["metrics.jsonl", "best.safetensors", "last.safetensors"]])
def test_a_run_with_results_but_no_checkpoint_does_not_start_anew(stopped, left):
    for name in {"checkpoint.safetensors", "metrics.jsonl", "best.safetensors", "last.safetensors"} - set(left):
        (stopped / name).unlink()
    anew = re.escape(f"--config {stopped / 'config.toml'} --output NEW_FOLDER")
    refused(stopped, f"stopped has {', '.join(left)} but no checkpoint.safetensors, so it cannot be resumed. To train anew: .* {anew}")
    refused(stopped, "but no checkpoint.safetensors", accept_changes=True)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts(stopped, whole):
    for name in ("checkpoint.safetensors", "metrics.jsonl", "best.safetensors", "last.safetensors"):
        (stopped / name).unlink()
    (stopped / ".lock").touch()
    (stopped / ".checkpoint.safetensors.abc.tmp").write_bytes(b"half")
    resume(stopped)
    assert_same(stopped, whole)


def test_a_checkpoint_comes_before_all_other_results(tmp_path, monkeypatch):
    def die(*_):
        raise RuntimeError

    monkeypatch.setattr(loop.Trainer, "_step", die)
    with pytest.raises(RuntimeError):
        fit(Config(**SETTINGS, output=tmp_path / "run"))
    assert sorted(os.listdir(tmp_path / "run")) == ["checkpoint.safetensors", "config.toml", "machine.json"]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data[:40], lambda data: data[:50] + b"x" * 900,
                                    None])  # fmt: skip
def test_metrics_that_lack_lines_are_never_filled(stopped, damage, capsys):
    path = stopped / "metrics.jsonl"
    data = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage(data))
    refused(stopped, r"metrics.jsonl: (\d* bytes \(was|no line ends where one ended)")
    resume(stopped, accept_changes=True)
    assert [line["epoch"] for line in metrics_of(stopped)] == [2] and "\0" not in path.read_text()
    assert "not bit-exactly, because these have changed: metrics.jsonl" in capsys.readouterr().out


def test_a_run_that_was_copied_goes_on(stopped, whole):
    resume(stopped)
    assert_same(stopped, whole)


def test_a_run_does_not_become_an_ensemble_nor_an_ensemble_a_run(stopped):
    (stopped / "config.toml").write_text(Config(**SETTINGS, models=3).toml())
    refused(stopped, "`models` is 3 in .*config.toml, but the folder holds one", accept_changes=True)
    ensemble = stopped.parent / "ensemble"
    (ensemble / "model-1").mkdir(parents=True)
    (ensemble / "config.toml").write_text(Config(**SETTINGS).toml())
    with pytest.raises(ValueError, match="`models` is 1 in .*config.toml, but the folder holds several"):
        resume(ensemble)


def test_a_finished_run_without_metrics_has_a_result(stopped, capsys):
    resume(stopped)
    (stopped / "metrics.jsonl").unlink()
    assert resume(stopped, accept_changes=True).confusion.sum() == 20
    assert "WARNING: no curve.png" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "metrics.jsonl"])
def test_a_named_pipe_in_place_of_a_file_is_not_waited_for(stopped, name):
    (stopped / name).unlink()
    os.mkfifo(stopped / name)
    with pytest.raises(ValueError, match="named pipe|metrics.jsonl: 0 bytes"):
        resume(stopped)


def test_a_finished_run_with_damaged_metrics_has_a_result_and_no_curve(stopped, capsys):
    (stopped / "metrics.jsonl").write_bytes(b"?" * (os.path.getsize(stopped / "metrics.jsonl") - 1) + b"\n")
    assert resume(stopped).confusion.sum() == 20
    assert "WARNING: no curve.png" in capsys.readouterr().out


@pytest.mark.parametrize("gone", ["run", "run/checkpoint.safetensors"])
def test_a_run_whose_files_were_deleted_does_not_say_how_to_resume(tmp_path, monkeypatch, gone):
    def delete(*arguments, step=loop.Trainer._step):
        path = tmp_path / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return step(*arguments)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop.Trainer, "_step", delete)
    monkeypatch.setattr(loop.results, "write_weights", full) if gone != "run" else None
    with pytest.raises(TrainingError, match=r"It cannot be resumed: .*checkpoint\.safetensors is gone$"):
        fit(Config(**SETTINGS, output=tmp_path / "run"))


# ---- what decides the bits ----


@pytest.mark.parametrize("fact", [name for name in fingerprint.of_machine() if name != "Pillow"])
def test_another_machine_is_noticed(stopped, monkeypatch, fact):
    machine = fingerprint.of_machine()
    monkeypatch.setattr(fingerprint, "of_machine", lambda: machine | {fact: "another"})
    refused(stopped, rf"have changed: {re.escape(fact)}: another \(was {re.escape(machine[fact])}\)\. `accept_changes` resumes")


@pytest.mark.parametrize("names", [
    [str(i) for i in range(30_000)], [f"{i} " + "n" * 150 for i in range(1200)], [f"{i}" + "日" * 80 for i in range(440)],
    [f"{i}" + '"' * 200 for i in range(300)],
], ids=["many", "long", "wide", "quoted"])  # fmt: skip
def test_the_facts_about_many_classes_fit_into_a_checkpoint(tmp_path, names):
    (tmp_path / "0.png").touch()
    part = image_folders.ImageFolder([tmp_path / "0.png"] * len(names), range(len(names)), names)
    facts = fingerprint.of_images("training", part) | fingerprint.of_images("test", part)
    assert len(json.dumps(json.dumps(facts))) < LONGEST_JSON
    assert facts.get("training images of all classes", f"{len(names):,}") == f"{len(names):,}"


def test_a_changed_setting_in_the_file_is_noticed_and_may_be_accepted(stopped, capsys):
    config = stopped / "config.toml"
    config.write_text(config.read_text().replace("epochs = 2", "epochs = 3"))
    refused(stopped, r"have changed: `epochs`: 3 \(was 2\)")
    resume(stopped, accept_changes=True)
    assert [line["epoch"] for line in metrics_of(stopped)] == [1, 2, 3]
    assert "not bit-exactly, because these have changed: `epochs`: 3 (was 2)" in capsys.readouterr().out
    resume(stopped)  # its new checkpoint has the new settings


def test_a_network_that_does_not_fit_cannot_be_accepted(stopped):
    config = stopped / "config.toml"
    config.write_text(config.read_text().replace("norm = false", "norm = true"))
    refused(stopped, r"not a checkpoint of this network .* `norm`: True \(was False\)", accept_changes=True)


@pytest.mark.parametrize("change, message", [
    (lambda data: os.utime(data / "dark" / "3.png", (1e9, 1e9)), "times of change of training files: the last .* UTC, checksum"),
    (lambda data: (data / "light" / "3.png").write_bytes((data / "light" / "3.png").read_bytes() + b"more"),
     "sizes of training files of class light: checksum"),
    (lambda data: (data / "dark" / "3.png").rename(data / "dark" / "3b.png"), "training images: checksum"),
    (lambda data: (data / "dark" / "4.png").unlink(), r"test images of class dark: 1 \(was 2\)"),
    (lambda data: shutil.copytree(data / "dark", data / "grey"), "training classes: dark, grey, light .was dark, light"),
])  # fmt: skip
def test_changes_in_a_folder_of_images_that_is_too_large_to_read_are_noticed(tmp_path, monkeypatch, squares, change, message):  # noqa: F811
    monkeypatch.setattr(image_folders, "SMALL", 0)
    settings = {"model": "tiny", "epochs": 1, "batch_size": 4, "lr": 1e-3, "workers": 0, "size": 8}
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 3)
        fit(Config(**settings, data=squares, output=tmp_path / "run"))
    moved = shutil.move(squares, tmp_path / "elsewhere")  # this is no change
    change(moved)
    refused(tmp_path / "run", message, data=moved)


# ---- the folder of a new run ----


@pytest.mark.parametrize("output", ["", "/dark", "/run", "/run/below"])
def test_a_run_does_not_go_among_the_images(squares, output):  # noqa: F811
    before = sorted(squares.rglob("*"))
    with pytest.raises((ValueError, OSError), match="`output` is '.*', (among the images of `data`|expected a new or empty folder)"):
        fit(Config(**SETTINGS, data=squares, output=f"{squares}{output}"))
    assert sorted(squares.rglob("*")) == before


def test_a_run_does_not_go_among_the_images_of_a_part(tmp_path, squares):  # noqa: F811
    for part in ("Train", "Valid"):
        shutil.copytree(squares, tmp_path / "data" / part)
    with pytest.raises(ValueError, match="`output` is '.*', among the images of `data`"):
        fit(Config(**SETTINGS, data=tmp_path / "data", output=tmp_path / "data" / "Valid" / "run"))


def test_a_folder_that_cannot_be_written_to_is_named_before_the_data_are_read(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="`output` is '.*below', expected a new or empty folder to write to .Not a directory"):
        fit(Config(**SETTINGS, data="nowhere", output=tmp_path / "file" / "below"))


# ---- the program ----


def program(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        __main__.main([str(argument) for argument in arguments])
    return end.value.code, capsys.readouterr().err


def test_the_program_names_the_flag_that_accepts_changes(stopped, capsys):
    (stopped / "metrics.jsonl").unlink()
    code, error = program(capsys, "--resume", stopped)
    assert code == 2 and error.count("\n") == 1 and "--accept-changes resumes it all the same" in error
    __main__.main(["--resume", str(stopped), "--accept-changes"])
    code, error = program(capsys, "--tiny", "--accept-changes")
    assert code == 2 and "--accept-changes is only for --resume" in error


def test_a_second_stop_says_how_to_resume(tmp_path, monkeypatch, capsys):
    def twice(*arguments, save=checkpoint.save):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        save(*arguments)

    monkeypatch.setattr(loop.checkpoint, "save", twice)
    code, error = program(capsys, "--tiny", "--batch-size", 10, "--output", tmp_path / "run")
    assert code == 130 and error == "\nstopped at once. There is no checkpoint yet\n"
