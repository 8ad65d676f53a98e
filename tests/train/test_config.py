"""Settings: where they come from, what is refused, and the schedules."""

import math

import numpy as np
import pytest

from minigoog.train import Config, fit, resume
from minigoog.train.__main__ import main
from minigoog.train.config import from_file, read, recipes
from minigoog.train.schedules import schedule

from .runs import TINY, quick_epochs


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
    with pytest.raises(ValueError, match=r"train: `norm` is 1, expected true or false \(in .*run.toml\)"):
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


@pytest.mark.parametrize("name", ["seed", "sampling_seed"])
def test_every_model_of_an_ensemble_has_a_seed_that_can_be(name):
    last = {name: 2**64 - 2}
    Config(**last, models=2)
    with pytest.raises(ValueError, match=f"`{name}` is 18446744073709551614 and `models` 3, expected a seed of at most"):
        Config(**last, models=3)


USELESS = [
    ("--mix-alpha 0.2", "--mix-alpha is 0.2, but has no effect with --mix none"),
    ("--distill-weight 0.9", "--distill-weight is 0.9, but has no effect without --distill"),
    ("--distill-temperature 2", "--distill-temperature is 2.0, but has no effect without --distill"),
    ("--beta2 0.99", "--beta2 is 0.99, but has no effect with --optimizer sgd"),
    ("--nesterov --optimizer adamw", "--nesterov is True, but has no effect with --optimizer adamw"),
    ("--momentum 0.8 --optimizer adagrad", "--momentum is 0.8, but has no effect with --optimizer adagrad"),
    ("--step-factor 0.5", "--step-factor is 0.5, but has no effect with --schedule cosine"),
    ("--step-epochs 2 --schedule triangle", "--step-epochs is 2, but has no effect with --schedule triangle"),
    ("--elastic", "--elastic is True, but has no effect without --data-parallel"),
    ("--no-freeze-norm", "--freeze-norm is False, but has no effect without --weights"),
    ("--aux-weight 0", "--aux-weight is 0.0, but has no effect with --model tiny"),
    ("--mirror alternate --augment shift", "--mirror is 'alternate', but has no effect with --augment shift"),
    ("--mirror alternate", "--mirror is 'alternate', but has no effect with --augment none"),
    ("--shift 2", "--shift is 2, but has no effect with --augment none"),
    ("--padding-mode reflect --augment scale", "--padding-mode is 'reflect', but has no effect with --augment scale"),
    ("--interpolation box --augment crop", "--interpolation is 'box', but has no effect with --augment crop"),
    ("--weights net --label-smoothing 0.1 --epochs 0", "--label-smoothing is 0.1, but has no effect with --epochs 0"),
    ("--weights net --mix cutmix --epochs 0", "--mix is 'cutmix', but has no effect with --epochs 0"),
    ("--weights net --aux-weight 0", "--aux-weight is given, but the network is that of --weights"),
]


@pytest.mark.parametrize("flags, message", USELESS)
@pytest.mark.parametrize("program", [[], ["find-lr"]], ids=["train", "find-lr"])
def test_a_flag_that_would_have_no_effect_is_refused(capsys, program, flags, message):
    with pytest.raises(SystemExit) as end:
        main([*program, "--tiny", *flags.split()])
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_setting_that_would_have_no_effect_is_refused_but_not_one_of_a_recipe_or_of_an_earlier_run(tmp_path):
    with pytest.raises(ValueError, match="`mix_alpha` is 0.2, but has no effect with `mix` none"):
        fit(Config(**TINY, mix_alpha=0.2, output=tmp_path / "run"))
    from_file("cifar10-quick", augment="none").check_used()
    with quick_epochs():
        fit(Config(**TINY | {"epochs": 1, "batch_size": 28}, output=tmp_path / "run"))
        text = (tmp_path / "run" / "config.toml").read_text()
        (tmp_path / "run" / "config.toml").write_text(text.replace("mix_alpha = 1.0", "mix_alpha = 0.2"))
        resume(tmp_path / "run", accept_changes=True)
        with pytest.raises(ValueError, match="`distill_weight` is 0.9, but has no effect without `distill`"):
            resume(tmp_path / "run", epochs=2, distill_weight=0.9)


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
