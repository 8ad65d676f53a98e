"""The batches of an epoch: of nearly one size, so that no step follows the statistics of a few images."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.data import batches
from minigoog.parallel import Alone
from minigoog.train import Config
from minigoog.train.setup import prepare
from minigoog.train.ways import gradients

from .runs import few_digits


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 10**4))
def test_spans_are_neighbours_of_nearly_one_size(images, batch_size):
    n = batches.count(images, batch_size)
    numbers = sorted({0, n // 2, n - 1})
    spans = [batches.span(images, batch_size, i) for i in numbers]
    assert spans[0][0] == 0 and spans[-1][1] == images and (n - 1) * batch_size < images <= n * batch_size
    assert {behind - first for first, behind in spans} <= {images // n, -(-images // n)}
    assert all(batches.span(images, batch_size, i + 1)[0] == behind for i, (_, behind) in zip(numbers, spans, strict=True) if i + 1 < n)


@pytest.mark.parametrize("micro_batches", [0, 1, 3])
def test_no_batch_of_an_epoch_has_few_images(micro_batches):
    with few_digits(66, 20):  # 32, 32 and 2 images, if each batch took as many as it may
        config = Config(model="tiny", batch_size=32, micro_batches=micro_batches, workers=0)
        way = gradients(prepare(config), config, Alone())
    assert [batch.images for batch in way.epoch(0, 0)] == [22, 22, 22]
    assert [len(batch.x) for batch in way.epoch(1, 1)] == [22, 22] and len(way) == 3
