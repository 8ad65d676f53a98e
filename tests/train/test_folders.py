"""Training on folders as people have them: damaged images, odd paths, the files of MNIST."""

import json
import os
import tomllib
from dataclasses import replace

import pytest

import minigoog as mg
from minigoog.curves import draw
from minigoog.evaluate.__main__ import main as evaluate
from minigoog.train import Config, Interrupted, TrainingError, fit, resume
from minigoog.train.config import from_file

from ..data.generated import write_image
from ..data.test_standard import write_mnist
from .test_resume import assert_same, stop_after

SETTINGS = {"model": "tiny", "epochs": 2, "batch_size": 4, "lr": 1e-3, "workers": 0}


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Drawing curve.png would take most of the time."""
    monkeypatch.setattr(mg.train.results.curves, "draw", lambda *_: None)


@pytest.fixture
def squares(tmp_path):
    """A folder of 20 images of two classes."""
    for i in range(10):
        write_image(tmp_path / "squares" / "dark" / f"{i}.png", i, (8, 8, 3))
        write_image(tmp_path / "squares" / "light" / f"{i}.png", 10 + i, (8, 8, 3))
    return tmp_path / "squares"


def stopped_run(monkeypatch, config):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Interrupted):
            fit(config)


# ---- damaged images ----


def test_damaged_images_are_skipped_counted_and_listed_and_a_stopped_run_ends_with_the_same_bits(tmp_path, monkeypatch, squares, capsys):
    (squares / "dark" / "3.png").write_bytes(b"torn")
    (squares / "light" / "4.png").write_bytes(b"torn")
    config = Config(**SETTINGS, data=squares, skip_damaged=True, output=tmp_path / "whole")
    fit(config)
    shown = capsys.readouterr().out
    assert "on 15 images of" in shown and f"skipped 2 damaged images:\n    {squares}/dark/3.png\n    {squares}/light/4.png\n" in shown
    assert f"--data {squares} --skip-damaged" in shown
    lines = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped"] for line in lines] == [2, 2] and mg.load(tmp_path / "whole").info.more["skipped"] == "2"
    stopped_run(monkeypatch, replace(config, output=str(tmp_path / "run")))
    resume(tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_a_damaged_image_is_counted_once_with_a_part_for_validation(tmp_path, squares, capsys):
    (squares / "dark" / "3.png").write_bytes(b"torn")  # of the training images
    fit(Config(**SETTINGS | {"epochs": 1}, data=squares, skip_damaged=True, validation=0.3, output=tmp_path / "run"))
    assert f"skipped 1 damaged images:\n    {squares}/dark/3.png\nto test" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])["skipped"] == 1
    assert mg.load(tmp_path / "run").info.more["skipped"] == "1"


def test_a_run_does_not_go_on_when_other_images_are_damaged(tmp_path, monkeypatch, squares):
    stopped_run(monkeypatch, Config(**SETTINGS, data=squares, skip_damaged=True, output=tmp_path / "run"))
    (squares / "dark" / "3.png").write_bytes(b"torn")
    with pytest.raises(ValueError, match="training images of class dark: 7 "):
        resume(tmp_path / "run")


def test_without_the_flag_the_first_damaged_image_is_named_and_nothing_is_written(tmp_path, squares):
    (squares / "dark" / "3.png").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"dark/3\.png: cannot be read .* minigoog\.data check \S*squares lists .*, --skip-damaged"):
        fit(Config(**SETTINGS, data=squares, output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_image_that_is_damaged_during_a_run_ends_it_with_the_same_advice(tmp_path, monkeypatch, squares):
    monkeypatch.setattr(mg.data.folder, "SMALL", 0)  # so that images are decoded when they are needed
    real = mg.train.loop.Trainer._step

    def step(trainer, *arguments):
        (squares / "dark" / "4.png").write_bytes(b"torn")  # of the test part
        return real(trainer, *arguments)

    monkeypatch.setattr(mg.train.loop.Trainer, "_step", step)
    with pytest.raises(TrainingError, match=r"dark/4\.png: cannot be read .* lists all damaged images"):
        fit(Config(**SETTINGS, size=8, data=squares, output=tmp_path / "run"))


def test_what_is_skipped_is_said(tmp_path, squares, capsys):
    (squares / "dark" / "Thumbs.db").write_bytes(b"")
    fit(Config(**SETTINGS, data=squares, output=tmp_path / "run"))
    assert capsys.readouterr().out.count("skipped 1: files that are no images, such as ") == 1


# ---- paths ----

ODD = ["a\x7fb", "two\nlines", "tab\tand\x1b[31m", "quote\"'\\", "ü ☃ 🐈", "\u202eright", "-- $HOME `x`", "a\u2028b", "#x = ["]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_settings_with_odd_paths_are_written_and_read(tmp_path, name):
    config = Config(data=name, data_dir=name, output=name)
    (tmp_path / "config.toml").write_bytes(config.toml().encode())
    assert from_file(tmp_path / "config.toml") == config


def test_all_characters_can_be_stored_but_not_endless_names():
    characters = [chr(i) for i in range(1, 0xD800)]
    for i in range(0, len(characters), 700):
        config = Config(data="".join(characters[i : i + 700]))
        assert tomllib.loads(config.toml())["data"] == config.data
    with pytest.raises(ValueError, match="`data` is too long to be stored in config.toml, expected at most 4400 bytes"):
        Config(data="\x1b" * 1000)


@pytest.mark.parametrize("name", ["a\x7fb\n\x1b[31m\"' $ü"], ids=ascii)
def test_a_run_on_an_odd_path_trains_resumes_and_is_read(tmp_path, monkeypatch, squares, name, capsys):
    data = squares.rename(tmp_path / name)
    (data / "dark").rename(data / "da\x7frk")
    monkeypatch.chdir(tmp_path)
    fit(Config(**SETTINGS, data=name, output="whole"))
    folder = tmp_path / f"run {name}"
    stopped_run(monkeypatch, Config(**SETTINGS, data=name, output=folder))
    resume(folder)
    assert_same(folder, tmp_path / "whole")
    assert mg.load(folder).classes == ("da\x7frk", "light")
    evaluate([str(folder), "--data", name])
    evaluate(["curves", str(folder)])
    draw([folder], "curve.png")
    fit(Config(**SETTINGS, data=name))  # into a folder with a name of its own
    shown = capsys.readouterr().out
    assert "\x7f" not in shown and "\x1b" not in shown and "\\x1b[31m" in shown
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny-a_b__[31m\"' $ü-seed0"]


@pytest.mark.parametrize("name", ["latin-\udce4", "a\0b", "\ud83d"], ids=ascii)
@pytest.mark.parametrize("setting", ["data", "data_dir", "output"])
def test_a_path_that_cannot_be_written_down_is_refused_before_anything_is_written(tmp_path, monkeypatch, setting, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"`{setting}` is .*, expected text that is valid UTF-8"):
        fit(Config(**SETTINGS | {setting: name}))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="this system's paths are text")
def test_a_relative_path_below_a_folder_of_odd_bytes_is_refused_too(tmp_path, monkeypatch, squares):
    (tmp_path / "\udce4").mkdir()
    squares.rename(tmp_path / "\udce4" / "squares")
    monkeypatch.chdir(tmp_path / "\udce4")
    with pytest.raises(ValueError, match="`data` is .*udce4/squares', expected text that is valid UTF-8"):
        fit(Config(**SETTINGS, data="squares"))
    assert [path.name for path in (tmp_path / "\udce4").iterdir()] == ["squares"]


# ---- MNIST by its path ----


def test_the_files_of_mnist_in_a_folder_are_trained_on_as_mnist(tmp_path):
    write_mnist(tmp_path / "files", "{} (1).gz".format)
    fit(Config(model="lenet5", epochs=1, batch_size=4, workers=0, data=tmp_path / "files", output=tmp_path / "run"))
    assert from_file(tmp_path / "run" / "config.toml").augment == "shift"  # the default for MNIST
