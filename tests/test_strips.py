"""Plans that make neighbouring calls together for a few rows at a time: the same bits, whatever the windows and the number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigoog as mg
from minigoog import nn, ops
from tests.plans import assert_same, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


@pytest.fixture(autouse=True)
def small_cache(monkeypatch):
    """Every map is too large, and a few rows fill a cache."""
    strips = mg.kernels.native.strips
    monkeypatch.setattr(strips, "LARGE", 0)
    monkeypatch.setattr(strips, "IN_CACHE", 1 << 12)


def strips_of(plan):
    return [(i, step.strip) for i, step in enumerate(plan.steps) if step.strip]


class Inverted(nn.Module):
    """Expansion, depthwise convolution, projection, and a sum where the shapes allow it."""

    def __init__(self, size=3, stride=1, padding=1, dilation=1, c=8, wide=24):
        self.expand = nn.Conv2d(c, wide, 1)
        self.deep = nn.Conv2d(wide, wide, size, stride=stride, padding=padding, dilation=dilation, groups=wide)
        self.project = nn.Conv2d(wide, c, 1)

    def forward(self, x):
        y = self.project(ops.silu(self.deep(ops.relu(self.expand(x)))))
        return y + x if y.shape == x.shape else y


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_strip_has_the_bits_of_the_tape(isa, threads, count):
    threads(count)
    plan = assert_same(nn.Sequential(Inverted(), Inverted(stride=2)), random((1, 23, 17, 8)))
    assert strips_of(plan) == [(0, 3), (3, 3)]
    assert np.all(plan.seconds(random((1, 23, 17, 8)), 1) >= 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 4), st.integers(1, 3), st.integers(9, 30), st.integers(1, 3), st.integers(1, 3))
def test_windows_of_every_kind_have_the_bits_of_the_tape(size, stride, padding, dilation, height, count, n):
    if (size - 1) * dilation >= height + 2 * padding:
        return
    before = mg.get_num_threads()
    try:
        mg.set_num_threads(count)
        assert_same(Inverted(size, stride, padding, dilation), random((n, height, 11, 8)))
    finally:
        mg.set_num_threads(before)


def test_a_stem_and_its_pool_are_a_strip(threads):
    class Stem(nn.Module):
        def __init__(self):
            self.conv, self.next = nn.Conv2d(3, 16, 5, stride=2, padding=2, relu=True), nn.Conv2d(16, 8, 1)

        def forward(self, x):
            return self.next(ops.max_pool2d(self.conv(x), 3, stride=2, padding=1, ceil_mode=True))

    threads(2)
    assert [count for _, count in strips_of(assert_same(Stem(), random((1, 61, 40, 3))))] == [3]


def test_images_of_a_batch_pass_through_strips(monkeypatch, threads):
    monkeypatch.setattr(mg.kernels.native.by_image, "LARGE", 0)
    for count in (1, 2):
        threads(count)
        plan = assert_same(nn.Sequential(Inverted(), Inverted()), random((4, 30, 16, 8)))
        assert strips_of(plan) and all(step.images == 4 for step in plan.steps)


def test_what_another_call_reads_is_no_part_of_a_strip():
    class Read(Inverted):
        def forward(self, x):
            wide = ops.relu(self.expand(x))
            return self.project(self.deep(wide)), wide

    x = random((1, 30, 16, 8))
    model = Read()
    plan = mg.compile(model, x.shape)
    assert strips_of(plan) == [(1, 2)]
    assert all(np.array_equal(y, t.data) for y, t in zip(plan(x), model.eval()(mg.Tensor(x)), strict=True))


def test_only_some_rows_of_the_maps_in_a_strip_are_in_memory(monkeypatch, threads):
    threads(1)
    monkeypatch.setattr(mg.kernels.native.strips, "IN_CACHE", 1 << 13)
    plan = mg.compile(Inverted(c=4, wide=64), (1, 128, 32, 4))
    monkeypatch.setattr(mg.kernels.native.strips, "LARGE", 1 << 30)
    whole = mg.compile(Inverted(c=4, wide=64), (1, 128, 32, 4))
    assert strips_of(plan) and not strips_of(whole) and plan.arena_bytes * 8 < whole.arena_bytes
