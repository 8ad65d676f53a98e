"""The batches of an epoch: of nearly one size, so that no step follows the statistics of a few images; the same for any processes."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.data import batches
from minigoog.parallel import Alone
from minigoog.parallel.deal import order
from minigoog.train import Config
from minigoog.train.gradients import MicroBatches
from minigoog.train.setup import prepare
from minigoog.train.ways import gradients

from .runs import few_digits

IMAGES = 67


@pytest.fixture(scope="module")
def setup():
    with few_digits(IMAGES, 20):
        return prepare(Config(model="tiny"))


@given(st.integers(1, 10**6), st.integers(1, 10**4))
def test_spans_are_neighbours_of_nearly_one_size(images, batch_size):
    n = batches.count(images, batch_size)
    numbers = sorted({0, n // 2, n - 1})
    spans = [batches.span(images, batch_size, i) for i in numbers]
    assert spans[0][0] == 0 and spans[-1][1] == images and (n - 1) * batch_size < images <= n * batch_size
    assert {behind - first for first, behind in spans} <= {images // n, -(-images // n)}
    assert all(batches.span(images, batch_size, i + 1)[0] == behind for i, (_, behind) in zip(numbers, spans, strict=True) if i + 1 < n)


@pytest.mark.parametrize("micro_batches", [0, 1, 3])
def test_no_batch_of_an_epoch_has_few_images(setup, micro_batches):
    """32, 32 and 3 images, if each batch took as many as it may."""
    config = Config(model="tiny", batch_size=32, micro_batches=micro_batches, workers=0)
    way = gradients(setup, config, Alone())
    assert [batch.images for batch in way.epoch(0, 0)] == [len(batch.x) for batch in way.epoch(0, 0)] == [22, 22, 23]
    assert [len(batch.x) for batch in way.epoch(1, 1)] == [22, 23] and len(way) == 3


@given(st.data())
def test_processes_share_the_images_of_each_batch(setup, data):
    parts = data.draw(st.integers(1, 8))
    size, workers = data.draw(st.integers(parts, IMAGES)), data.draw(st.integers(0, 1))
    config = Config(model="tiny", batch_size=size, micro_batches=parts, workers=workers)
    ranks = data.draw(st.integers(1, parts))
    ways = [MicroBatches(setup, config, SimpleNamespace(size=ranks, rank=rank)) for rank in range(ranks)]
    start = data.draw(st.integers(0, len(ways[0])))
    expected = setup.train.labels[order(IMAGES, config.samplings, 2)]
    for step, shares in enumerate(zip(*(way.epoch(2, start) for way in ways), strict=True), start):
        first, behind = batches.span(IMAGES, config.batch_size, step)
        assert np.array_equal(np.concatenate([share.labels for share in shares]), expected[first:behind])
        assert np.array_equal(ways[0].batch(2, step).labels, expected[first:behind])
        assert all((share.number, share.images, len(share.x)) == (step, behind - first, len(share.labels)) for share in shares)
