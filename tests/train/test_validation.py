"""A part of the training images for testing, early stopping, longer runs, and the search for a learning rate."""

import json
import shutil
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from minigoog import data
from minigoog.train import Config, augmentation, company, find_lr, fit, schedules
from minigoog.train.__main__ import main
from minigoog.train.config import from_file
from minigoog.train.fit import resume
from minigoog.train.setup import prepare
from minigoog.train.validation import held_out

from .runs import TINY, assert_same, metrics_of, quick_epochs

SMALL = TINY | {"batch_size": 28}


def test_a_tenth_of_each_class_is_held_out_and_no_test_image_is_seen():
    train, test = data.open_dataset("digits", "train"), data.open_dataset("digits", "test")
    kept, tested = held_out(train, 0.1)
    assert len(kept) + len(tested) == len(train)
    for label in range(10):
        assert (tested.labels == label).sum() == round(0.1 * (train.labels == label).sum())
    images = {image.tobytes() for part in (kept, tested) for image in part.images}
    assert images == {image.tobytes() for image in train.images}
    assert len({image.tobytes() for image in test.images} - images) > 340  # a few digits are drawn alike


def test_files_are_held_out_too(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(10)]
    dataset = data.ImageFolder(paths, [0] * 5 + [1] * 5, ("a", "b"))
    kept, tested = held_out(dataset, 0.2)
    assert sorted(kept.paths + tested.paths) == paths and tested.labels.tolist() == [0, 1]
    assert [dataset.labels[paths.index(path)] for path in kept.paths] == kept.labels.tolist()


def test_a_share_that_leaves_a_class_without_images_is_refused():
    with pytest.raises(ValueError, match="`validation` is 0.001, which holds out 0 of the"):
        prepare(Config(**TINY, validation=0.001))


@pytest.mark.parametrize("models, them", [(1, "them"), (2, "each and all of them")])
def test_a_search_is_not_offered_to_be_tested_again_on_images_it_has_not_seen(tmp_path, capsys, models, them):
    with quick_epochs():
        for share in (0, 0.4):
            fit(Config(**TINY | {"epochs": 1, "batch_size": 8, "models": models}, validation=share, output=str(tmp_path / f"run{share}")))
            said = capsys.readouterr().out
            assert (f"\nto test {them} again:\n" in said) == (share == 0)
            assert (f"\nto test {them} on the test images, which the search has not seen:\n" in said) == (share > 0)


def test_a_run_ends_when_the_accuracy_stands_still(tmp_path):
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 50, "stop_after": 2, "lr": 1e-12}, output=str(tmp_path / "run")))
    epochs = metrics_of(tmp_path / "run")
    best = max(line["test_accuracy"] for line in epochs)
    assert next(line["epoch"] for line in epochs if line["test_accuracy"] == best) == epochs[-1]["epoch"] - 2


def test_a_finished_run_goes_on_with_a_schedule_that_starts_anew(tmp_path, capsys):
    folder = tmp_path / "run"
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 2, "lr": 0.02}, output=str(folder)))
        with pytest.raises(ValueError, match="`epochs` is 2, expected more than the 2"):
            resume(folder, epochs=2)
        before = metrics_of(folder)
        capsys.readouterr()
        resume(folder, epochs=4)
        first = capsys.readouterr().out.splitlines()[0]
        assert first.startswith("2 more epochs, with the weights and momentum of epoch 2 and the schedule anew from a rate of 0.002")
        assert first.endswith("the result is not that of 4 epochs at once")
        resume(folder)  # it is a run like every other
    after = metrics_of(folder)
    assert after[:2] == before and [line["epoch"] for line in after] == [1, 2, 3, 4]
    assert 0.0005 < after[2]["lr"] < 0.002 and after[3]["lr"] < after[2]["lr"]


def test_a_finished_run_goes_on_with_another_weight_decay_and_fewer_tests(tmp_path):
    runs = [tmp_path / "same", tmp_path / "other"]
    with quick_epochs():
        for folder, given in zip(runs, ({}, {"weight_decay": 0.5, "test_every": 2}), strict=True):
            fit(Config(**SMALL | {"epochs": 2, "lr": 0.02}, output=str(folder)))
            resume(folder, epochs=4, **given)
    same, other = map(metrics_of, runs)
    assert [line["epoch"] for line in same] == [1, 2, 3, 4] and [line["epoch"] for line in other] == [1, 2, 4]
    assert same[-1]["train_loss"] != other[-1]["train_loss"]


def test_a_new_run_with_the_settings_of_one_that_was_trained_longer_has_a_whole_schedule(tmp_path, monkeypatch):
    settings = SMALL | {"epochs": 3, "warmup": 0.5, "lookahead": 0.5, "schedule": "triangle"}
    monkeypatch.chdir(tmp_path)
    with quick_epochs():
        fit(Config(**settings | {"epochs": 1}, output="run"))
        resume("run", epochs=3, lr=0.02)
        fit(Config(**settings, lr=0.02, output="plain"))
        fit(from_file("run/config.toml", output="fitted"))
        main(["--config", "run/config.toml", "--output", "program"])
        main(["--config", "run/config.toml", "--epochs", "1", "--output", "shorter"])
    for name in ("fitted", "program"):
        assert_same(tmp_path / name, tmp_path / "plain")
    with pytest.raises(SystemExit):
        main(["--tiny", "--start-epoch", "15", "--schedule", "step", "--epochs", "16", "--output", "late"])
    assert not (tmp_path / "late").exists()


def test_a_model_of_an_ensemble_is_trained_longer_only_in_a_copy(tmp_path):
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 1, "models": 2}, output=tmp_path / "run"))
        with pytest.raises(ValueError, match=r"model-1 is a model of the ensemble .*run: expected a copy of it elsewhere"):
            resume(tmp_path / "run" / "model-1", epochs=2)
        resume(tmp_path / "run")
        resume(shutil.copytree(tmp_path / "run" / "model-1", tmp_path / "model-1"), epochs=2)
        (tmp_path / "config.toml").write_text("of = 'something else'")
        resume(tmp_path / "model-1", epochs=3)


def test_a_run_that_ended_early_goes_on_from_where_it_ended(tmp_path, capsys):
    folder = tmp_path / "run"
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 50, "stop_after": 1, "lr": 1e-12}, output=str(folder)))
        before = metrics_of(folder)
        has = len(before)
        assert has < 50
        with pytest.raises(ValueError, match=f"`epochs` is {has}, expected more than the {has}"):
            resume(folder, epochs=has)
        capsys.readouterr()
        resume(folder, epochs=has + 1, lr=0.02)
        assert capsys.readouterr().out.startswith(f"1 more epoch, with the weights and momentum of epoch {has} ")
        resume(folder, epochs=50, lr=1e-12)  # as many as were planned at first
    after = metrics_of(folder)
    assert after[:has] == before and has + 1 < len(after) < 50
    assert after[has]["train_loss"] < before[-1]["train_loss"] and 0 < after[has]["lr"] < 0.02


def test_a_run_that_has_not_ended_is_not_trained_longer(tmp_path):
    folder = tmp_path / "run"
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 1}, output=str(folder)))
        (folder / "config.toml").write_text(Config(**SMALL | {"epochs": 2}, output=str(folder), augment="none", size=8).toml())
        with pytest.raises(ValueError, match="has ended only 1 of its 2: resume it without `epochs` first"):
            resume(folder, epochs=3)


def test_a_schedule_that_starts_anew_has_the_values_of_a_new_run():
    config = Config(epochs=10, warmup=1, schedule="cosine")
    later = replace(config, epochs=30, start_epoch=20)
    for done in (0, 0.5, 3.25, 9.75):
        assert schedules.schedule(done, config) == schedules.schedule(20 + done, later)


def test_the_search_finds_the_edge_beyond_which_the_loss_explodes():
    """On rates from 1e-5 to 10 the first steps change little and the last ones break the network."""
    config = Config(**TINY | {"batch_size": 32})
    found = list(find_lr.losses(config, prepare(config)))
    rates, means = zip(*found, strict=True)
    assert rates[0] == 1e-5 and list(rates) == sorted(rates)
    assert abs(means[10] - means[0]) < 0.1 * means[0] and min(means) < means[0]
    assert 1e-4 < find_lr.suggested(found) < 1


def test_the_rate_suggested_is_a_tenth_of_that_of_the_lowest_loss():
    assert find_lr.suggested([(0.1, 2.0), (1.0, 1.0), (2.0, 5.0)]) == pytest.approx(0.1)


def test_a_first_batch_that_is_easy_by_chance_decides_no_rate():
    found = [(1e-5 * 2**i, 1.0) for i in range(20)]
    found[0], found[15] = (found[0][0], 0.5), (found[15][0], 0.9)
    assert find_lr.suggested(found) == pytest.approx(found[15][0] / 10)


def test_the_search_uses_the_threads_asked_for_and_opens_no_test_images(monkeypatch, capsys):
    opened, threads, original = [], [], data.open_dataset
    monkeypatch.setattr(data, "open_dataset", lambda name, split, *more: opened.append(split) or original(name, split, *more))
    monkeypatch.setattr(company.kernels, "set_num_threads", threads.append)
    monkeypatch.setattr(find_lr, "losses", lambda *_, **more: [(0.1, 3.0), (1.0, 2.0)])
    assert find_lr.search(Config(**TINY, threads=1)) == 0.1
    assert opened == ["train"] and threads == [1]
    assert capsys.readouterr().out.endswith("a tenth of it is a rate to begin with: --lr 0.1\n")


def test_the_search_clips_gradients_as_training_does():
    """So clipped, no rate changes the network."""
    config = Config(**TINY | {"batch_size": 32}, clip=1e-6)
    rates, means = zip(*find_lr.losses(config, prepare(config), 20), strict=True)
    assert len(rates) == 20 and max(means) < 1.5 * means[0]


@pytest.mark.parametrize("augment, mirrored", [(None, False), ("crop", True)])
def test_the_search_mirrors_images_where_training_does(augment, mirrored):
    """Digits, by default, are not mirrored."""
    config = Config(**TINY | {"batch_size": 32}, mirror="alternate", augment=augment)
    with patch.object(augmentation, "AlternatingMirror", wraps=augmentation.AlternatingMirror) as mirror:
        list(find_lr.losses(config, prepare(config), 2))
    assert mirror.called == mirrored


def test_the_page_shows_the_run_and_renews_itself_until_the_end(tmp_path, monkeypatch):
    from minigoog.train import live

    pages, original = [], live.write

    def write(trainer, ended):
        original(trainer, ended)
        pages.append((tmp_path / "run" / "live.html").read_text())

    monkeypatch.setattr(live, "write", write)
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 2, "live": True}, output=str(tmp_path / "run")))
    assert all('http-equiv="refresh"' in page for page in pages[:-1]) and 'http-equiv="refresh"' not in pages[-1]
    last = metrics_of(tmp_path / "run")[-1]
    assert f"{last['test_loss']:.4g}" in pages[-1] and "worst mistakes" in pages[-1] and "ended" in pages[-1]
    assert "http://" not in pages[-1] and "https://" not in pages[-1] and "<script" not in pages[-1]
    assert pages[-1].count("data:image/png") >= 8
    json.dumps(pages)  # text


def test_the_page_changes_no_bits(tmp_path):
    from minigoog.formats import safetensors

    with quick_epochs():
        for name, live in (("a", True), ("b", False)):
            fit(Config(**SMALL | {"epochs": 1, "live": live}, output=str(tmp_path / name)))
    a, b = (safetensors.load(tmp_path / name / "last.safetensors")[0] for name in "ab")
    assert all(np.array_equal(a[name], b[name]) for name in a)
