"""The short training for comparisons and examples."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.short_training import accuracy, learn, schedule
from minigoog.sparsity.accuracy.pictures import pictures


def network():
    mg.manual_seed(0)
    conv = nn.Conv2d(1, 16, 3, padding=1, relu=True)
    return nn.Sequential(conv, nn.Conv2d(16, 32, 3, padding=1, relu=True), nn.GlobalAvgPool2d(), nn.Linear(32, 10))


def test_digits_are_learned_and_the_same_seed_gives_the_same_weights():
    train, test = pictures()
    models = network(), network()
    for model in models:
        losses = learn(model, *train, epochs=12, lr=0.2, seed=1, batch_size=32)
    assert losses[-1] < losses[0] / 4
    assert accuracy(models[0], *test) > 0.9 > 0.2 > accuracy(network(), *test)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert np.array_equal(a.data, b.data)


def test_accuracy_takes_every_second_image_of_an_array():
    images, labels = pictures()[1]
    halves = [accuracy(network(), images[i::2], labels[i::2]) * len(labels[i::2]) for i in range(2)]
    assert sum(halves) == pytest.approx(accuracy(network(), images, labels) * len(labels))


def test_a_learning_rate_that_is_too_large_is_reported():
    train, _ = pictures(n_train=256)
    with pytest.raises(FloatingPointError, match="smaller `lr` than 1e\\+06"):
        learn(network(), *train, epochs=2, lr=1e6, seed=0)


def test_the_learning_rate_rises_linearly_and_falls_as_half_a_cosine():
    assert [schedule(done) for done in (0.05, 0.1, 0.55, 1)] == pytest.approx([0.5, 1, 0.5, 0])
