"""From settings to data, transforms and network."""

from contextlib import nullcontext

import numpy as np
import pytest

from minigoog import Tensor, models, no_grad
from minigoog.data import ArrayDataset
from minigoog.models.googlenet import AUX_INPUT_SIZES
from minigoog.train import Config, setup


def images(n, size):
    return ArrayDataset(np.random.default_rng(size).integers(0, 256, (n, size, size, 3), np.uint8), np.arange(n) % 2, "ab")


def test_test_images_of_another_size_are_brought_to_the_networks(monkeypatch):
    pytest.importorskip("PIL", reason="Pillow is not installed (extra images): nothing was resized")
    parts = {"train": images(8, 16), "test": images(4, 32)}
    monkeypatch.setattr(setup.data, "open_dataset", lambda _, split, *where: parts[split])
    made = setup.prepare(Config(model="small", data="anything", size=16, batch_size=4))
    assert made.test_transform(parts["test"][0][0], None).shape == (16, 16, 3)


@pytest.mark.parametrize("size, fits", [(222, False), (223, True), (270, True), (271, False)])
def test_the_heads_are_there_for_every_size_that_they_fit(size, fits):
    assert list(AUX_INPUT_SIZES) == list(range(223, 271))
    arguments = setup._arguments(Config(model="googlenet"), 3, 3, size)
    assert arguments["aux_heads"] == (size in AUX_INPUT_SIZES) == fits
    whole = models.GoogLeNet(num_classes=3, aux_heads=True).train()
    with no_grad(), nullcontext() if fits else pytest.raises(ValueError, match="use images of 223 to 270 pixels"):
        whole(Tensor(np.zeros((1, size, size, 3), np.float32)))


def test_what_is_kept_of_a_run_says_everything_that_was_found_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts = {"train": images(8, 16), "test": images(4, 16)}
    monkeypatch.setattr(setup.data, "open_dataset", lambda _, split, *where: parts[split])
    config = Config(model="small", data="photos", batch_size=4)
    kept = setup.effective(config, setup.prepare(config))
    assert (kept.data, kept.size, kept.augment) == (str(tmp_path / "photos"), 16, "paper")
