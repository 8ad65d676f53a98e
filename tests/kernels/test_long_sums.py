"""Sums of very many terms keep their digits: blocks are added up, no sum runs through one float32 from end to end."""

import numpy as np
import pytest

from minigoog import kernels, ops
from minigoog.kernels import reference
from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.tensor import Tensor
from tests.kernels.judge import U

if kernels.native is None:
    pytest.skip("the C kernels are not in use", allow_module_level=True)

SIDE = 1536
N = SIDE * SIDE
# Blocks of 256 added pairwise: 256 + log2(N / 256) terms; two levels of sequential sums in weight gradients and long products.
# A random walk of that many roundings stays within 2 sqrt(terms) u (judge.py); of all N terms it would be 3,000 u.
BOUND = (4 + 2 * np.sqrt(300)) * U
LONG = (4 + 2 * np.sqrt(4096 + N / 4096)) * U  # products: running sums of 4,096


def values(*shape):
    """Between 0.5 and 1.5, so that a lost sum shows: a running sum of these has errors of hundreds of u."""
    return np.random.default_rng(0).random(shape, np.float32) + np.float32(0.5)


def weight(k, algorithm, x, dy, taps=1):
    return k.conv2d_weight(x, (taps, taps, x.shape[3], dy.shape[3]), dy, padding=taps // 2, algorithm=algorithm)


def one_maximum(n):
    x = np.zeros((1, n, n, 1), np.float32)
    x[0, n // 2, n // 2] = 1
    return x


def ones(*shape):
    return np.ones(shape, np.float32)


def sparse_linear(block):
    """(x times one column of sparse weights, its exact value)."""
    n = 1_000_000
    pattern = SparsePattern.from_mask(np.ones((1, 1, n, 1), bool), block)
    w = values(n)
    return kernels.native.sparse_conv2d(ones(1, 1, 1, n), pattern.gather(w.reshape(1, 1, n, 1)), pattern=pattern), w.sum(dtype=np.float64)


# name -> a function of the kernels that returns (result, the terms whose sum each number of it is, a factor)
SUMS = {
    "mean of a map": lambda k, v: (k.global_avg_pool2d(v.reshape(1, SIDE, SIDE, 1)), v, 1 / N),
    "mean of a window": lambda k, v: (k.avg_pool2d(v.reshape(1, SIDE, SIDE, 1), (SIDE, SIDE - 1), stride=1)[0, 0, 0],
                                      v.reshape(SIDE, SIDE)[:, :-1].reshape(-1), 1 / (N - SIDE)),
    "bias gradient": lambda k, v: (k.conv2d_bias(v.reshape(N, 1)), v, 1),
    "beta gradient": lambda k, v: (k.batch_norm_backward(
        v.reshape(N, 1), v.reshape(N, 1), ones(1), ones(1), ones(1), ones(1), eps=1e-5)[2], v, 1),
    "weight gradient": lambda k, v: (weight(k, "auto", ones(1, SIDE, SIDE, 1), v.reshape(1, SIDE, SIDE, 1)), v, 1),
    "linear": lambda k, v: (k.linear(v[None], ones(N, 1)), v, 1),
    "softmax": lambda k, v: (1 / k.softmax(np.append(v - 1, np.float32(0))[None])[0, -1], np.exp(np.append(v - 1, 0).astype(float)), 1),
    "softmax gradient": lambda k, v: (-k.softmax_backward(ones(1, N), v[None])[0, :1] + v[:1], v, 1),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_of_millions_of_terms_keeps_its_digits(isa, name):
    for k in (kernels.native, reference) if isa == "plain" else (kernels.native,):
        for v in (values(N), ones(N)):
            got, terms, factor = SUMS[name](k, v)
            exact = terms.sum(dtype=np.float64) * factor
            bound = LONG if name == "linear" and k is kernels.native else BOUND
            assert np.all(np.abs(np.asarray(got, np.float64) - exact) <= bound * exact), (k.__name__, np.max(np.abs(got / exact - 1)) / U)


@pytest.mark.parametrize("kind, bound", [("native", BOUND), ("reference", 2 * U)])
def test_sums_of_several_channels_keep_their_digits_and_the_reference_rounds_once(kind, bound):
    """NumPy adds the values of one channel pairwise, but those of several row after row."""
    k, n = kernels.BACKENDS[kind], 512 * 512
    v = values(n, 3)
    exact = v.sum(axis=0, dtype=np.float64)
    sums = {"bias": k.conv2d_bias(v), "beta": k.batch_norm_backward(v, v, *(ones(3) for _ in range(4)), eps=1e-5)[2]}
    means = {"map": k.global_avg_pool2d(v.reshape(1, 512, 512, 3))[0], "norm": k.batch_norm(v, ones(3), ones(3), eps=1e-5)[1]}
    for name, got in (sums | {name: mean.astype(np.float64) * n for name, mean in means.items()}).items():
        assert np.all(np.abs(got - exact) <= bound * exact), name


@pytest.mark.parametrize("name", ["max", "mean"])
def test_a_pixel_under_many_windows_gets_the_sum_of_their_gradients(isa, name):
    size, stride, x = 48, 1, one_maximum(95)
    for k in (kernels.native, reference):
        y, index = k.max_pool2d(x, size, stride=stride)
        dy = values(*y.shape)
        if name == "max":
            dx, share = k.max_pool2d_backward(x.shape, index, dy, size, stride=stride), 1
        else:
            dx, share = k.avg_pool2d_backward(x.shape, dy, size, stride=stride), size**2
        exact = dy.sum(dtype=np.float64) / share  # all 48 x 48 windows are over the pixel in the middle
        assert abs(dx[0, 47, 47, 0] - exact) <= BOUND * exact


@pytest.mark.parametrize("block", [1, 16])
def test_a_sparse_row_of_very_many_weights_keeps_its_digits(isa, block):
    got, exact = sparse_linear(block)
    assert abs(got.item() - exact) <= LONG * exact


def test_the_mean_of_ones_is_one_on_a_map_of_any_size():
    assert ops.global_avg_pool2d(Tensor(ones(1, 5000, 5000, 1))).data == 1


def test_sums_in_numpy_keep_their_digits():
    v = values(1, N // 2, 2, 1)
    assert np.isclose(ops.adaptive_avg_pool2d(Tensor(v), 1).data.item(), v.mean(dtype=np.float64), rtol=BOUND)
    a, b = (Tensor(ones(1), requires_grad=True) for _ in range(2))
    ops.channel_affine(Tensor(v), a, b).backward(v)
    assert np.isclose(b.grad[0], v.sum(dtype=np.float64), rtol=BOUND)
    assert np.isclose(a.grad[0], np.square(v, dtype=np.float64).sum(), rtol=BOUND)
