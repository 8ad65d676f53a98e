"""Plans that make groups of calls image by image: the same bits, in less memory."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from tests.plans import assert_same, random

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


@pytest.fixture
def one_thread(threads):
    """Any number of images is grouped."""
    threads(1)


@pytest.fixture
def small_cache(monkeypatch, one_thread):
    """Every map is too large, so that groups are as long as they can be."""
    monkeypatch.setattr(mg.kernels.native.by_image, "LARGE", 0)


def groups(plan):
    return list(mg.kernels.native.by_image.groups(plan.steps))


class Mixed(nn.Module):
    """Calls of every kind: padding, winograd, depthwise, groups, a gate, a sum, a concatenation, shuffled channels, pools and a product
    by NumPy in their middle."""

    def __init__(self):
        self.stem, self.deep = nn.Conv2d(5, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.wide, self.narrow = nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(32, 16, 1, groups=4)
        self.gate, self.last = nn.Conv2d(16, 16, 1), nn.Linear(24, 7)

    def forward(self, x):
        y = ops.max_pool2d(ops.silu(self.stem(x)), 2)
        z = ops.hard_swish(self.narrow(self.wide(ops.relu(self.deep(y)))) + y)
        z = z * ops.sigmoid(self.gate(ops.reshape(ops.global_avg_pool2d(z), (len(x), 1, 1, 16))))
        z = ops.concat([ops.channel_shuffle(z, 4), y * z])[..., 4:28]
        return self.last(ops.reshape(ops.global_avg_pool2d(ops.avg_pool2d(z, 3)), (len(x), 24)))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_plan_by_images_has_the_bits_of_the_tape(isa, small_cache, n):
    plan = assert_same(Mixed(), random((n, 48, 50, 5)))
    assert bool(groups(plan)) == (n > 1) and (n < 5 or any(step.algorithm == "winograd" for step in plan.steps))
    assert np.all(plan.seconds(random((n, 48, 50, 5)), 1) >= 0)


def test_inception_modules_by_images_have_the_bits_of_the_tape(small_cache):
    assert groups(assert_same(mg.models.GoogLeNet(num_classes=7, aux_heads=False), random((3, 48, 48, 3))))


def test_a_plan_by_images_has_the_same_bits_on_any_number_of_threads(small_cache, threads):
    model, x = Mixed(), random((3, 40, 40, 5))
    plan = mg.compile(model, x.shape)
    threads(1)
    expected = plan(x)
    for n in (2, 3):
        threads(n)
        assert np.array_equal(plan(x), expected)


def test_maps_that_only_one_group_touches_exist_for_one_image(monkeypatch, one_thread):
    model = nn.Sequential(*(nn.Conv2d(8, 8, 1, relu=True) for _ in range(6)))
    whole = mg.compile(model, (8, 32, 32, 8))
    monkeypatch.setattr(mg.kernels.native.by_image, "LARGE", 0)
    plan = mg.compile(model, (8, 32, 32, 8))
    assert groups(plan) == [list(range(6))] and not groups(whole)
    assert plan.arena_bytes * 8 == whole.arena_bytes


def test_what_a_group_reads_is_not_overwritten_before_its_last_image(small_cache):
    """The first map is read by the group's first call only; what comes after it may not take its place."""

    class Between(nn.Module):
        def __init__(self):
            self.layers = nn.Sequential(*(nn.Conv2d(8, 8, 1, relu=True) for _ in range(4)))

        def forward(self, x):
            y = ops.transpose(ops.transpose(x, (0, 2, 1, 3)), (0, 2, 1, 3))  # NumPy makes the map
            return ops.transpose(self.layers(y), (0, 2, 1, 3))

    plan = assert_same(Between(), random((4, 6, 7, 8)))
    assert len(groups(plan)) == 1
    buffers = list(plan.program.lives.items())
    for i, (a, (a_first, a_last)) in enumerate(buffers):
        for b, (b_first, b_last) in buffers[:i]:
            if a_first <= b_last and b_first <= a_last:
                assert a.offset + a.size <= b.offset or b.offset + b.size <= a.offset


@pytest.mark.parametrize(("n", "grouped"), [(4, True), (3, False), (9, True)])
def test_threads_share_whole_images_only_where_none_would_wait(small_cache, threads, n, grouped):
    threads(2)
    assert bool(groups(assert_same(Mixed(), random((n, 48, 50, 5))))) == grouped


def test_each_thread_has_its_own_maps_in_a_group(small_cache, threads):
    threads(4)
    plan = assert_same(Mixed(), random((8, 24, 26, 5)))
    assert plan.program.own_size and plan.memories[0].arrays["own"].size >= 4 * plan.program.own_size
