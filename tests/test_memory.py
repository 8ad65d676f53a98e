"""Memory: lent blocks come back, are never lent twice, and a training step needs no more than the one before."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import data, integers, sampled_from

from minigoog import Tensor, kernels, losses, nn, ops, optim
from tests.strategies import numbers

workspace = kernels.native.workspace if kernels.native else None
pytestmark = pytest.mark.skipif(workspace is None, reason="the pool belongs to the C kernels")


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def address(a):
    return a.__array_interface__["data"][0]


def test_a_block_returns_when_its_array_dies_and_is_lent_again(pool):
    a = pool.empty((300, 300))
    where = address(a)
    assert pool.pooled_bytes() == 0
    del a
    assert pool.pooled_bytes() >= 300 * 300 * 4
    b = pool.empty((301, 299))  # about the same size
    assert address(b) == where and pool.pooled_bytes() == 0


def test_a_block_stays_lent_while_any_view_of_it_lives(pool):
    a = pool.empty((4, 100, 100))
    a[...] = 7
    view = a[1:2, ::2, 3][..., None].reshape(-1).T
    del a
    assert pool.pooled_bytes() == 0
    b = pool.empty((4, 100, 100))
    b[...] = -1
    assert np.all(view == 7) and not np.shares_memory(view, b)
    del view
    assert pool.pooled_bytes() > 0


def test_a_tensor_of_a_slice_keeps_the_block(pool):
    x = Tensor(numbers(0, (2, 40, 40, 8)))
    whole, (first, second) = ops.channel_slices(x, [8, 24])
    whole[...] = 3
    y = Tensor(second)
    del whole, first, second
    other = [pool.empty((2, 40, 40, 32)) for _ in range(3)]
    for a in other:
        a[...] = 0
    assert np.all(y.data == 3)


@pytest.mark.parametrize("shape", [(0,), (), (1,), (0, 10**9), (16383,), (16384,), (16385,), (7, 11, 13, 170)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_an_array_has_the_requested_shape_and_type(pool, shape, dtype):
    a = pool.empty(shape, dtype)
    assert a.shape == shape and a.dtype == dtype and a.flags.c_contiguous and a.flags.writeable
    if a.nbytes >= pool.SMALLEST:
        assert address(a) % pool.ALIGNMENT == 0


def test_memory_of_small_arrays_serves_a_large_one_and_the_other_way_round(pool):
    """Pieces that came back are joined with their neighbours, in whatever order they come."""
    small = [pool.empty((100_000,)) for _ in range(6)]
    start = address(small[0])
    for i in (1, 3, 2, 5, 0, 4):
        small[i] = None
    large = pool.empty((600_000,))
    assert address(large) == start and pool.pooled_bytes() == 0
    del large
    assert [address(a) - start for a in [pool.empty((100_000,)) for _ in range(2)]] == [0, 400_000]


def test_arrays_of_rising_sizes_need_little_more_memory_than_the_last(pool):
    for size in range(4_000_000, 12_000_000, 400_000):  # 16 to 48 MB
        a = pool.empty((size,))
        del a
    assert pool.pooled_bytes() <= 1.5 * 4 * size


def test_what_is_not_lent_of_a_slab_goes_back_to_the_system_once_nothing_of_it_is_lent(pool):
    kept, other = pool.empty((100_000,)), pool.empty((50_000,))
    del other
    pool.release()
    assert pool.pooled_bytes() == 200_000
    del kept
    pool.release()
    assert pool.pooled_bytes() == 0


def test_a_loan_that_ctrl_c_stopped_in_its_making_gives_nothing_back():
    workspace._Loan.__new__(workspace._Loan).__del__()


class Lending(RuleBasedStateMachine):
    """Arrays are made, sliced and dropped in any order; each that lives keeps what was written to it."""

    def __init__(self):
        super().__init__()
        self.alive, self.next = [], 0

    @rule(size=sampled_from([10, 16_384, 20_000, 20_100, 60_000]), rows=integers(1, 4))
    def make(self, size, rows):
        a = workspace.empty((rows, size))
        self.next += 1
        a[...] = self.next
        self.alive.append((a, self.next))

    @precondition(lambda self: self.alive)
    @rule(choice=data())
    def keep_only_a_slice(self, choice):
        a, value = self.alive.pop(choice.draw(integers(0, len(self.alive) - 1)))
        self.alive.append((a[-1:, a.shape[-1] // 3 :: 2], value))

    @precondition(lambda self: self.alive)
    @rule(choice=data())
    def drop(self, choice):
        self.alive.pop(choice.draw(integers(0, len(self.alive) - 1)))

    @invariant()
    def no_array_that_lives_was_written_to(self):
        for a, value in self.alive:
            assert np.all(a == value)


TestLending = Lending.TestCase
TestLending.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


def network():
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1, relu=True), nn.MaxPool2d(3, 2, ceil_mode=True),
                         nn.Inception(32, 16, 24, 32, 8, 16, 16),
                         nn.Dropout(0.4), nn.GlobalAvgPool2d(), nn.Linear(80, 10))


def test_a_training_step_repeated_needs_no_more_memory(pool):
    model = network()
    sgd, x, labels = optim.SGD(model.parameters(), lr=0.01, momentum=0.9), numbers(0, (8, 40, 40, 3)), np.arange(8)

    def step():
        sgd.zero_grad()
        losses.cross_entropy(model(Tensor(x)), labels).backward()
        sgd.step()

    for _ in range(3):
        step()
    tracemalloc.start()
    try:
        step()
        pooled, traced = pool.pooled_bytes(), tracemalloc.get_traced_memory()[0]
        for _ in range(10):  # a map of 200 KiB forgotten by each would be 2 MB; less is Python's own free lists
            step()
        assert pool.pooled_bytes() == pooled
        assert tracemalloc.get_traced_memory()[0] - traced < 1 << 20
    finally:
        tracemalloc.stop()


def test_forward_passes_without_gradient_need_no_more_memory_each_time(pool):
    from minigoog import no_grad

    model, x = network().eval(), Tensor(numbers(0, (8, 40, 40, 3)))
    with no_grad():
        model(x)
        pooled = pool.pooled_bytes()
        for _ in range(5):
            model(x)
    assert pool.pooled_bytes() == pooled


def test_no_kernel_keeps_its_arrays_alive(pool):
    x = pool.empty((2, 40, 40, 8))
    x[...] = 1
    y = kernels.conv2d(x, np.ones((3, 3, 8, 8), np.float32))
    kernels.conv2d_weight(x, (3, 3, 8, 8), y)
    import weakref

    alive = weakref.ref(x)
    del x
    assert alive() is None


def test_googlenet_with_images_of_224_pixels_trains_in_memory_that_does_not_grow(pool):
    """Batch 4, forward and backward; the second and third step may still find their sizes, the next two may not grow."""
    from minigoog.models import GoogLeNet

    model = GoogLeNet()
    x, labels = numbers(0, (4, 224, 224, 3)), np.arange(4)
    used = []
    for _ in range(5):
        model.zero_grad()
        loss = losses.googlenet_loss(model(Tensor(x)), labels)
        loss.backward()
        assert np.isfinite(loss.item()) and all(np.all(np.isfinite(p.grad)) for p in model.parameters())
        del loss
        used.append((pool.pooled_bytes(), resident()))
    assert used[2][0] == used[3][0] == used[4][0], f"pool {used}"
    assert used[3][1] - used[1][1] < 8 << 20, f"resident {used}"  # one map of the first layer alone has 13 MB
