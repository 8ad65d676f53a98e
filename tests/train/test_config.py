"""Settings: where they come from, what is refused, and the schedules."""

import math

import numpy as np
import pytest

from minigoog.train import Config
from minigoog.train.config import from_file, read, recipes
from minigoog.train.schedules import schedule


def test_a_configuration_written_is_a_configuration_read(tmp_path):
    config = Config(model="googlenet", data="some folder/with 'quotes' and 🐈", lr=1e-3, norm=True, clip=None, size=64, warmup=2)
    (tmp_path / "run.toml").write_text(config.toml(), encoding="utf-8")
    assert Config(**read(tmp_path / "run.toml")) == config


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_that_ships_is_a_configuration(name):
    assert Config(**read(name) | ({"weights": "net.onnx"} if name == "finetune" else {}))


def test_the_recipe_for_fine_tuning_asks_for_weights():
    with pytest.raises(ValueError, match="without `weights` there is nothing to fine-tune"):
        Config(**read("finetune"))


@pytest.mark.parametrize("text, message", [
    ("learning_rate = 1", "has a setting 'learning_rate' that does not exist"),
    ("epoch = 1", "has a setting 'epoch' that does not exist: did you mean epochs?"),
    ("lr = ", "not a TOML file of settings"),
    ("\xff", "not a TOML file of settings"), ("PK\3\4" + "x" * 20_000, r"not a TOML file of settings \(it is a zip archive"),
])  # fmt: skip
def test_a_file_with_a_mistake_is_named(tmp_path, text, message):
    (tmp_path / "run.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"`config` '?.*run\.toml.*" + message.replace("?", r"\?")):
        read(tmp_path / "run.toml")


def test_a_value_of_the_wrong_type_in_a_file_is_named(tmp_path):
    (tmp_path / "run.toml").write_text("norm = 1")
    with pytest.raises(ValueError, match="`norm` is 1, expected true or false"):
        from_file(tmp_path / "run.toml")
    assert from_file("tiny", epochs=3) == Config(**read("tiny") | {"epochs": 3})


def test_a_missing_file_is_named_with_the_recipes_that_there_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="`config` is '.*', expected a TOML file or one of .*tiny"):
        read(tmp_path / "nothing.toml")


@pytest.mark.parametrize("setting, value, message", [
    ("epochs", 1.0, "`epochs` is 1.0, expected an integer"),
    ("epochs", True, "`epochs` is True"),
    ("norm", 1, "`norm` is 1, expected true"),
    ("lr", "fast", "`lr` is 'fast', expected a number"),
    ("augment", "much", "`augment` is 'much', expected one of none, shift, crop"),
    ("data", "", "`data` is '', expected a name"),
    ("data", 3, "`data` is 3, expected text"),
    ("model", ["small"], r"`model` is \['small'\], expected one of"),
    ("lr", True, "`lr` is True, expected a number"),
    ("clip", 0, "`clip` is 0, expected a number above 0"),
    ("average", 1.5, "`average` is 1.5, expected a finite number from 0 to 1"),
])  # fmt: skip
def test_a_setting_that_cannot_be_is_named(setting, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Config(**{setting: value})


def rates(moments, **settings):
    return [schedule(done, Config(**settings)) for done in moments]


def test_the_papers_schedule_falls_by_4_percent_every_8_epochs():
    assert rates([0, 7.99, 8, 16], schedule="paper", epochs=100) == pytest.approx([1, 1, 0.96, 0.96**2])


def test_the_other_schedules():
    assert rates([0, 2.9, 3, 6], schedule="step", step_epochs=3, step_factor=0.5) == pytest.approx([1, 1, 0.5, 0.25])
    assert rates([0, 5, 10], schedule="cosine", epochs=10) == pytest.approx([1, 0.5, 0])
    assert rates([0, 9], schedule="constant") == [1, 1]
    assert rates([0, 1, 2, 6, 10], schedule="triangle", epochs=10, warmup=2) == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-8)
    assert rates([0, 5], schedule="triangle", epochs=10) == pytest.approx([1, 0.5])


def test_warm_up_rises_in_a_line_to_where_the_schedule_is():
    got = rates(np.arange(0, 5, 0.5), schedule="cosine", epochs=5, warmup=2)
    factor = [0.5 * (1 + math.cos(math.pi * d / 5)) for d in np.arange(0, 5, 0.5)]
    assert got == pytest.approx([f * min(1, d / 2) for f, d in zip(factor, np.arange(0, 5, 0.5), strict=True)], abs=1e-6)
