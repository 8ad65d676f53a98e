"""Input gradients that are added to what is there already: the sum over the branches of a network."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels
from tests.kernels.judge import same_bits
from tests.strategies import numbers

WINDOWS = [
    ("direct", 1, {}), ("direct", 3, {"padding": 1}), ("direct", 3, {"stride": 2}), ("winograd", 3, {"padding": 1}),
    ("winograd", 5, {"padding": 2}), ("im2col", 3, {"padding": 1}), ("direct", 3, {"groups": 2}),
]  # fmt: skip


@pytest.mark.parametrize("kind", kernels.BACKENDS)
@pytest.mark.parametrize(("algorithm", "size", "window"), WINDOWS)
def test_the_gradient_is_added_with_the_bits_of_a_separate_sum(kind, algorithm, size, window):
    rng = np.random.default_rng(0)
    x, w = numbers(1, (3, 9, 11, 6)), numbers(2, (size, size, 6 // window.get("groups", 1), 20))
    with kernels.use(kind):
        dy = rng.standard_normal(kernels.conv2d(x, w, **window).shape, dtype=np.float32)
        alone = kernels.conv2d_input(x.shape, w, dy, algorithm=algorithm, **window)
        total = x.copy()
        assert kernels.conv2d_input(x.shape, w, dy, algorithm=algorithm, accumulate=total, **window) is total
    assert same_bits(total, x + alone)


@pytest.mark.parametrize("kind", kernels.BACKENDS)
def test_a_depthwise_gradient_is_added_too(kind):
    x, w, dy = numbers(1, (2, 6, 6, 8)), numbers(2, (3, 3, 1, 8)), numbers(3, (2, 4, 4, 8))
    with kernels.use(kind):
        alone, total = kernels.conv2d_input(x.shape, w, dy, groups=8), x.copy()
        kernels.conv2d_input(x.shape, w, dy, groups=8, accumulate=total)
    assert same_bits(total, x + alone)


@pytest.mark.parametrize("norm", [False, True])
def test_backward_gives_the_bits_that_a_walk_over_its_steps_gives(norm):
    """It adds gradients in place and writes over those that were read, which the walk does not."""
    model = mg.models.SmallInception(norm=norm)
    x, grads = mg.Tensor(numbers(0, (4, 28, 28, 3)), requires_grad=True), []
    for walked in (True, False):
        mg.manual_seed(0)
        for p in (x, *model.parameters()):
            p.grad = None
        loss = mg.losses.cross_entropy(model(x), np.arange(4))
        if walked:
            list(loss.tape().steps())
        else:
            loss.backward()
        grads.append([p.grad for p in (x, *model.parameters())])
    assert all(same_bits(a, b) for a, b in zip(*grads, strict=True))


def test_a_gradient_that_an_operation_passes_on_is_not_added_to():
    """Both inputs of a sum get the same array as their gradient; each of the two convolutions adds another to its own."""
    a = mg.Tensor(numbers(1, (1, 4, 4, 2)), requires_grad=True)
    w = mg.Tensor(numbers(2, (1, 1, 2, 2)), requires_grad=True)
    x, y = a * 2.0, a * 3.0
    total = (mg.ops.conv2d(x, w) + mg.ops.conv2d(y, w) + (x + y)).sum()
    total.backward()
    expected = 5 * (w.data[0, 0].sum(axis=1) + 1)
    np.testing.assert_allclose(a.grad, np.broadcast_to(expected, a.shape), rtol=1e-6)


def test_a_gradient_that_something_else_reads_is_not_overwritten():
    """The caller's own, and that of a sum, which gets to both of its inputs."""
    a, given = mg.Tensor(numbers(1, (3, 5)), requires_grad=True), numbers(2, (3, 5))
    y, kept = mg.ops.relu(a), given.copy()
    (mg.ops.relu(mg.ops.relu(y) + mg.ops.relu(2.0 * y)) * 1.0).backward(given)
    assert same_bits(given, kept) and same_bits(a.grad, np.where(a.data > 0, 3 * given, 0))


def test_what_is_added_to_must_have_the_shape_of_the_input():
    w, dy = numbers(2, (1, 1, 2, 3)), numbers(3, (1, 4, 4, 3))
    with pytest.raises(ValueError, match=r"conv2d_input: `accumulate`"):
        kernels.conv2d_input((1, 4, 4, 2), w, dy, accumulate=numbers(1, (1, 4, 4, 3)))
