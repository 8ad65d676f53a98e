"""Training for comparisons, and the images that it is done on."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.sparsity.accuracy.learn import accuracy, learn, schedule
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


def test_a_learning_rate_that_is_too_large_is_said_to_be():
    train, _ = pictures(n_train=256)
    with pytest.raises(FloatingPointError, match="smaller `lr` than 1e\\+06"):
        learn(network(), *train, epochs=2, lr=1e6, seed=0)


def test_the_learning_rate_rises_in_a_line_and_falls_as_half_a_cosine():
    assert [schedule(done) for done in (0.05, 0.1, 0.55, 1)] == pytest.approx([0.5, 1, 0.5, 0])


def test_a_part_of_the_pictures_has_as_many_of_each_class_and_no_mean():
    train, test = pictures(n_train=200, n_test=100)
    assert np.bincount(train.labels).tolist() == pytest.approx([20] * 10, abs=1)
    assert len(test) == 100 and test.images.shape == (100, 8, 8, 1)
    assert train.images.mean() == pytest.approx(0, abs=1e-5) and train.images.std() == pytest.approx(1, abs=1e-4)


def test_photographs_of_any_size_are_brought_to_32x32(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'minigoog[images]'")
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(5):
            image.fromarray(generator.integers(0, 256, (40 + i, 50, 3), np.uint8)).save(tmp_path / name / f"{i}.png")
    train, test = pictures(tmp_path)
    assert train.images.shape == (8, 32, 32, 3) and test.labels.tolist() == [0, 1]
