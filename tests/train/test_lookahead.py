"""Weights that follow their own average."""

import numpy as np
import pytest

from minigoog import nn
from minigoog.train import Config, lookahead
from minigoog.train.optimizers import new_optimizer
from minigoog.train.progress import Progress


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
