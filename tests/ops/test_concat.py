"""Concatenation costs no copy: branches write into slices of the whole, gradients are slices of the incoming one."""

import numpy as np
import pytest

from minigoog import Tensor, kernels, nn, ops
from tests.strategies import numbers


def test_branches_that_wrote_into_slices_share_memory_with_the_whole():
    x = Tensor(numbers(0, (2, 5, 5, 3)), requires_grad=True)
    whole, (first, second) = ops.channel_slices(x, [4, 6])
    a = ops.conv2d(x, Tensor(numbers(1, (1, 1, 3, 4))), out=first)
    b = ops.conv2d(x, Tensor(numbers(2, (3, 3, 3, 6))), padding=1, out=second)
    y = ops.concat([a, b], whole)
    assert y.data is whole and np.shares_memory(a.data, y.data) and np.shares_memory(b.data, y.data)
    assert np.array_equal(y.data[..., :4], kernels.conv2d(x.data, numbers(1, (1, 1, 3, 4))))


def test_the_gradients_are_slices_of_the_incoming_one():
    a, b = (Tensor(numbers(i, (1, 2, 2, i + 1)), requires_grad=True) for i in range(2))
    dy = numbers(5, (1, 2, 2, 3))
    ((_, seen, dxs),) = ops.concat([a, b]).tape().steps(dy)
    assert all(np.shares_memory(dx, seen) for dx in dxs)
    assert np.array_equal(a.grad, dy[..., :1]) and np.array_equal(b.grad, dy[..., 1:])
    assert not np.shares_memory(a.grad, dy)


def test_tensors_that_lie_elsewhere_are_copied_in():
    a, b = Tensor(numbers(0, (1, 2, 2, 2))), Tensor(numbers(1, (1, 2, 2, 3)))
    whole, slices = ops.channel_slices(a, [2, 3])
    slices[0][...] = a.data
    y = ops.concat([Tensor(slices[0]), b], whole)
    assert np.array_equal(y.data, np.concatenate([a.data, b.data], axis=-1))


def test_an_inception_module_copies_no_channel(monkeypatch):
    module = nn.Inception(5, 4, 3, 6, 2, 4, 3)
    x = Tensor(numbers(0, (1, 4, 4, 5)))
    y = module(x)
    apart = [module.branch1x1(x), module.branch3x3(x), module.branch5x5(x), module.branch_pool(x)]
    assert np.allclose(y.data, np.concatenate([b.data for b in apart], axis=-1), atol=1e-6)
    seen = []
    split = ops.concat.__globals__["Concat"].split
    monkeypatch.setattr(ops.concat.__globals__["Concat"], "split", lambda self, a: seen.append((self, a)) or split(self, a))
    x.requires_grad = True
    y = module(x)
    for branch in y.op.inputs:
        assert np.shares_memory(branch.data, y.data)


@pytest.mark.parametrize("call, message", [
    (lambda a, b: ops.concat([]), r"`xs` is \[\], expected a list of Tensors"),
    (lambda a, b: ops.concat(a), r"`xs` is Tensor"), (lambda a, b: ops.concat(None), "`xs` is None"),
    (lambda a, b: ops.concat([a, 3]), r"`xs\[1\]` is int, expected a Tensor"),
    (lambda a, b: ops.concat([a, Tensor(a.data.astype(float))]), r"`xs\[1\]` is float64, expected float32"),
    (lambda a, b: ops.concat([a, a], np.empty((1, 2, 2, 4))), "`whole` is float64, expected float32"),
    (lambda a, b: ops.concat([a, b]), r"`xs\[1\]` has shape \(1, 3, 2, 2\), expected \(1, 2, 2, 2\) but for the channels"),
    (lambda a, b: ops.concat([a, a], np.empty((1, 2, 2, 5), np.float32)), r"`whole` has shape \(1, 2, 2, 5\), expected \(1, 2, 2, 4\)")])
def test_what_does_not_fit_is_refused_by_name(call, message):
    a, b = Tensor(numbers(0, (1, 2, 2, 2))), Tensor(numbers(0, (1, 3, 2, 2)))
    with pytest.raises((TypeError, ValueError), match=f"concat: {message}"):
        call(a, b)


def test_whole_may_hold_its_own_slices_and_no_other_memory_of_the_inputs():
    """A slice in another place than its own would be overwritten before it is read."""
    whole, (first, second) = ops.channel_slices(Tensor(numbers(0, (1, 2, 2, 2))), [3, 3])
    whole[...] = numbers(1, whole.shape)
    before = whole.copy()
    assert ops.concat([Tensor(first), Tensor(second)], whole).data is whole and np.array_equal(whole, before)
    for xs, i in (([second, first], 0), ([first, first], 1), ([first, whole[..., 2:5]], 1)):
        with pytest.raises(ValueError, match=rf"concat: `whole` overlaps `xs\[{i}\]`, expected separate memory"):
            ops.concat([Tensor(x) for x in xs], whole)


@pytest.mark.parametrize("like, channels, message", [
    (None, [1], "`like` is NoneType, expected a Tensor"), (Tensor(1.0), [1], "`like` has 0 axes"),
    (Tensor([1.0]), 3, "`channels` is 3, expected a list"), (Tensor([1.0]), [], r"`channels` is \[\]"),
    (Tensor([1.0]), [1.5], "`channels` is 1.5, expected an integer"), (Tensor([1.0]), [-1], "`channels` is -1, expected at least 0"),
])  # fmt: skip
def test_slices_of_what_has_none_are_refused(like, channels, message):
    with pytest.raises((TypeError, ValueError), match=f"^channel_slices: {message}"):
        ops.channel_slices(like, channels)
