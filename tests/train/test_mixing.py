"""Training on images that are mixed in pairs."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.data.mixing import MIXINGS
from minigoog.train import Config, mixing

from .runs import TINY, assert_resumes_with_the_same_bits


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_the_loss_is_that_of_both_labels_by_their_shares(name):
    config, labels = Config(mix=name, label_smoothing=0.1), np.array([3, 1, 4, 1])
    images = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    model = mg.models.build("tiny", num_classes=10, in_channels=1)
    seen, logits, [loss] = mixing.forward(model, config, images, labels, (0, 5))
    same = MIXINGS[name](1.0)(images, np.random.default_rng((0, 0, 5, 0x313)))
    z = logits.data.astype(np.float64)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    target = same.share * np.eye(10)[labels] + (1 - same.share) * np.eye(10)[labels[same.partner]]
    expected = -((0.9 * target + 0.01) * log_p).sum(axis=1).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-5) and np.array_equal(seen, same.images)


def test_a_run_with_mixed_images_resumes_with_the_same_bits(tmp_path, monkeypatch):
    settings = TINY | {"mix": "cutmix", "epochs": 2, "batch_size": 16}
    assert_resumes_with_the_same_bits(tmp_path, monkeypatch, settings)
