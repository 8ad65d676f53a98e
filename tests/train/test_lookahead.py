"""Weights that follow their own average."""

import numpy as np
import pytest

from minigoog import nn
from minigoog.formats import safetensors
from minigoog.train import Config, fit, lookahead
from minigoog.train.optimizers import new_optimizer
from minigoog.train.progress import Progress

from .runs import TINY, quick_epochs


def test_weights_are_set_to_an_average_that_forgets_more_and_more_slowly():
    w, config = nn.Parameter(np.zeros((1, 1), np.float32)), Config(lookahead=0.9, epochs=2, schedule="constant", weight_decay=0)
    optimizer, expected, slow = new_optimizer(config, [{"params": [w], "lr": 1.0}]), 0.0, 0.0
    for done in range(20):  # two epochs of ten steps
        w.data += 1  # in place of a step of gradient descent
        lookahead.step(optimizer, config, Progress(epoch=done // 10, step=done % 10, total_steps=done), 10)
        expected += 1
        if done % 5 == 4:
            decay = 0.9**5 * ((done + 1) / 20) ** 3
            expected = slow = decay * slow + (1 - decay) * expected
        assert w.data.item() == pytest.approx(expected, rel=1e-6)
    assert expected < 19


def test_the_averages_of_a_network_that_is_fine_tuned_begin_with_its_new_classifier(tmp_path):
    settings = {"epochs": 0, "batch_size": 28, "workers": 0, "lookahead": 0.95, "average": 0.9}
    with quick_epochs():
        fit(Config(**TINY | {"batch_size": 28, "epochs": 1}, output=tmp_path / "base"))
        fit(Config(**settings, weights=tmp_path / "base", output=tmp_path / "tuned"))
    arrays = safetensors.load(tmp_path / "tuned" / "checkpoint.safetensors")[0]
    assert arrays["weights/classifier.weight"].any()
    for kind in ("slow", "averages"):
        found = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{kind}/")}
        assert found and all(np.array_equal(array, arrays[f"weights/{name}"]) for name, array in found.items()), kind
