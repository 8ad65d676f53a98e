"""Kernels of training in bf16: the bits of the reference on every instruction set, and the reference against float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog import kernels
from minigoog.kernels import reference as exact
from minigoog.kernels.native import bf16_training as native
from minigoog.kernels.native import machine
from minigoog.kernels.reference import bf16_training as reference
from minigoog.kernels.reference.bf16 import from_bf16, to_bf16
from tests.kernels.guard import guarded
from tests.kernels.judge import same_bits
from tests.kernels.test_int8 import isa

__all__ = ["isa"]
HALF = 2.0**-9  # the largest relative error of a number rounded to bf16


def values(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@st.composite
def cases(draw):
    """(shape of x, shape of w, window) of a convolution that is computed in bf16: of one group, and not by Winograd's algorithm."""
    kh, kw = draw(st.sampled_from([(1, 1), (1, 1), (3, 2), (1, 3), (5, 5), (2, 1)]))
    n, h, w, cin, cout = (draw(st.integers(low, high)) for low, high in ((1, 3), (kh, kh + 8), (kw, kw + 30), (1, 37), (1, 70)))
    window = {"stride": draw(st.sampled_from([1, 1, 2, (2, 1)])), "padding": draw(st.sampled_from([0, (kh // 2, kw // 2)]))}
    if h > 2 * kh and w > 2 * kw:
        window["dilation"] = draw(st.sampled_from([1, 2]))
    return (n, h, w, cin), (kh, kw, cin, cout), window


def on_all(compute):
    """What `compute` gives on each instruction set."""
    before = machine.isa()
    try:
        for name in machine.available_isas():
            machine.set_isa(name)
            yield compute()
    finally:
        machine.set_isa(before)


@given(cases(), st.integers(0, 99), st.booleans())
def test_convolutions_and_their_gradients_have_the_bits_of_the_reference(case, seed, relu):
    x_shape, w_shape, window = case
    x, w, b = to_bf16(values([seed, 1], *x_shape)), values([seed, 2], *w_shape), values([seed, 3], w_shape[-1])
    y = reference.conv2d(x, w, b, relu=relu, **window)
    dz, before = to_bf16(values([seed, 4], *y.shape)), values([seed, 5], *x_shape)
    expected = (y, reference.conv2d_input(x_shape, w, dz, **window), reference.conv2d_weight(x, w_shape, dz, **window),
                reference.conv2d_input(x_shape, w, dz, accumulate=before.copy(), **window))  # fmt: skip
    for found in on_all(lambda: (native.conv2d(x, w, b, relu=relu, **window), native.conv2d_input(x_shape, w, dz, **window),
                                 native.conv2d_weight(x, w_shape, dz, **window),
                                 native.conv2d_input(x_shape, w, dz, accumulate=before.copy(), **window))):  # fmt: skip
        assert all(map(same_bits, found, expected))


@pytest.mark.parametrize("shape", [(1, 40, 40, 3), (2, 17, 19, 3), (5, 9, 9, 3), (40, 3, 3, 3), (1, 1, 700, 3)])
def test_weight_gradients_of_many_blocks_have_the_bits_of_the_reference(isa, shape):
    x, w_shape = to_bf16(values(1, *shape)), (1, 3, 3, 18)
    for window in ({}, {"stride": (1, 2), "padding": (0, 1)}):
        dz = to_bf16(values(2, *reference.shape_of(x, np.empty(w_shape, np.float32), **window).y))
        assert same_bits(native.conv2d_weight(x, w_shape, dz, **window), reference.conv2d_weight(x, w_shape, dz, **window))


@given(cases(), st.integers(0, 99))
def test_the_reference_is_float64_of_rounded_operands(case, seed):
    """Each of K products is added with a relative error of 2^-24 at most, of sums of at most sum |x| |w|."""
    x_shape, w_shape, window = case
    x, w = to_bf16(values([seed, 1], *x_shape)), values([seed, 2], *w_shape)
    x64, w64 = from_bf16(x).astype(np.float64), from_bf16(to_bf16(w)).astype(np.float64)
    dz = to_bf16(values([seed, 3], *reference.shape_of(x, w, **window).y))
    dz64 = from_bf16(dz).astype(np.float64)
    u = 2.0**-24
    for found, compute, a, terms in (
        (reference.conv2d_input(x_shape, w, dz, **window), lambda d, a: exact.conv2d_input(x_shape, a, d, **window), w64, w_shape),
        (reference.conv2d_weight(x, w_shape, dz, **window), lambda d, a: exact.conv2d_weight(a, w_shape, d, **window), x64, dz.shape),
    ):
        bound = (2 + np.prod(terms)) * u * compute(np.abs(dz64), np.abs(a))
        assert (np.abs(found - compute(dz64, a)) <= bound + 1e-30).all()


def transforms():
    """(input, weights, output) of F(4x4, 3x3) at the points of csrc/winograd.inc, by its definition there."""
    points = np.array([0, 5 / 8, -5 / 8, 3 / 2, -3 / 2])
    of_x, of_w, of_y = np.zeros((6, 6)), np.zeros((6, 3)), np.zeros((4, 6))
    for i, point in enumerate(points):
        others = np.delete(points, i)
        of_x[i, :5], of_w[i], of_y[:, i] = np.poly(others)[::-1], point ** np.arange(3) / np.prod(point - others), point ** np.arange(4)
    of_x[5], of_w[5, 2], of_y[3, 5] = np.poly(points)[::-1], 1, 1
    return of_x, of_w, of_y


def tiles_of(a, side, before):
    """[n, down, across, size, size, c]: squares of `side` + 2 x `side` + 2 pixels for 4 x 4 of output, zeros outside of `a`."""
    n, h, w, c = a.shape
    down, across, size = -(-h // 4), -(-w // 4), side + 2 * before
    padded = np.pad(a, ((0, 0), (before, 4 * down - h + before), (before, 4 * across - w + before), (0, 0)))
    found = [[padded[:, 4 * i : 4 * i + size, 4 * j : 4 * j + size] for j in range(across)] for i in range(down)]
    return np.array(found).transpose(2, 0, 1, 3, 4, 5)


def map_of(tiles, h, w):
    """The map whose 4 x 4 pixels these are."""
    n, down, across, _, _, c = tiles.shape
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(n, 4 * down, 4 * across, c)[:, :h, :w]


BY_WINOGRAD = [((4, 20, 20, 32), 40), ((5, 13, 15, 31), 42), ((200, 4, 4, 16), 33)]


@pytest.mark.parametrize("shape, cout", BY_WINOGRAD)
def test_by_winograd_outputs_are_as_near_to_float64_as_rounded_transforms_allow(isa, shape, cout):
    """Each of the two transformed numbers has an error of 2^-9 of its size at most, which is at most its transform by absolute values."""
    of_x, of_w, of_y = transforms()
    window = {"padding": 1}

    def sums(f, x, w):
        a, g, y = f(of_x), f(of_w), f(of_y)
        v = np.einsum("ip,jq,nabpqc->nabijc", a, a, f(tiles_of(x, 4, 1)), optimize=True)
        u = np.einsum("ik,jl,klco->ijco", g, g, f(w), optimize=True)
        return map_of(np.einsum("ri,sj,nabijc,ijco->nabrso", y, y, v, u, optimize=True), *x.shape[1:3])

    x, w, b = to_bf16(values(1, *shape)), values(2, 3, 3, shape[-1], cout), values(3, cout)
    assert native.by_winograd(native.shape_of(x, w, **window))
    x64, w64 = from_bf16(x).astype(np.float64), w.astype(np.float64)
    z, bound = exact.conv2d(x64, w64, b.astype(np.float64), **window), 2.1 * HALF * sums(np.abs, x64, w64)
    np.testing.assert_allclose(sums(np.asarray, x64, w64) + b, z, rtol=0, atol=1e-9 * np.abs(z).max())
    found = from_bf16(native.conv2d(x, w, b, relu=True, **window))
    assert (np.abs(found - np.maximum(z, 0)) <= bound + HALF * (np.abs(z) + bound)).all()
    dz, flipped = values(4, *shape[:3], cout), np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2)).astype(np.float64)
    dx, bound = exact.conv2d_input(shape, w64, dz.astype(np.float64), **window), 2.1 * HALF * sums(np.abs, dz.astype(np.float64), flipped)
    own = native.conv2d_input(shape, w, dz, **window)
    assert (np.abs(own - dx) <= bound).all() and np.linalg.norm(own - dx) < 8 * HALF * np.linalg.norm(dx)
    before = values(5, *shape)
    assert same_bits(native.conv2d_input(shape, w, dz, accumulate=before.copy(), **window), own + before)
    assert same_bits(native.conv2d_input(shape, w, dz, accumulate=np.zeros(shape, np.float32), **window), own + np.float32(0))


@pytest.mark.parametrize("shape, cout", BY_WINOGRAD)
def test_by_winograd_the_weight_gradient_is_as_near_to_float64_as_rounded_transforms_allow(isa, shape, cout):
    of_x, of_w, of_y = transforms()
    x, w_shape, window = to_bf16(values(1, *shape)), (3, 3, shape[-1], cout), {"padding": 1}
    dz = values(2, *shape[:3], cout)
    found = native.conv2d_weight(x, w_shape, dz, **window)
    x64, dz64 = from_bf16(x).astype(np.float64), dz.astype(np.float64)

    def gradient(f):
        a, g, y = f(of_x), f(of_w), f(of_y)
        v = np.einsum("ip,jq,nabpqc->nabijc", a, a, f(tiles_of(x64, 4, 1)), optimize=True)
        d = np.einsum("ri,sj,nabrso->nabijo", y, y, f(tiles_of(dz64, 4, 0)), optimize=True)
        return np.einsum("ik,jl,nabijc,nabijo->klco", g, g, v, d, optimize=True)

    exact64 = exact.conv2d_weight(x64, w_shape, dz64, **window)
    np.testing.assert_allclose(gradient(np.asarray), exact64, rtol=0, atol=1e-9 * np.abs(exact64).max())
    assert (np.abs(found - exact64) <= 2.1 * HALF * gradient(np.abs)).all()
    assert np.linalg.norm(found - exact64) < 8 * HALF * np.linalg.norm(exact64), "the errors of many tiles have no common sign"


def test_by_winograd_the_number_of_threads_and_the_neighbours_of_a_slice_change_nothing(isa):
    wide, w, found = to_bf16(values(6, 9, 14, 14, 40)), values(7, 3, 3, 33, 40), []
    x, dz, before = wide[..., 2:35], values(8, 9, 14, 14, 40), kernels.get_num_threads()
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        found.append([native.conv2d(x, w, padding=1), native.conv2d_weight(x, w.shape, dz, padding=1),
                      native.conv2d_input(x.shape, w, dz, padding=1), native.conv2d(x.copy(), w, padding=1)])
    kernels.set_num_threads(before)
    assert native.by_winograd(native.shape_of(x, w, padding=1)) and same_bits(found[0][0], found[0][3])
    for each in found:
        assert all(map(same_bits, each, found[0]))


def test_groups_are_computed_in_float32(isa):
    x, w, window = to_bf16(values(1, 2, 9, 9, 12)), values(2, 3, 3, 4, 6), {"groups": 3, "padding": 1}
    dz = values(3, *native.shape_of(x, w, **window).y)
    assert same_bits(native.conv2d(x, w, **window), to_bf16(kernels.conv2d(from_bf16(x), w, **window)))
    assert same_bits(native.conv2d_weight(x, w.shape, dz, **window), kernels.conv2d_weight(from_bf16(x), w.shape, dz, **window))


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 70), st.integers(0, 99))
def test_relus_gradient_is_that_of_the_reference(n, w, c, seed):
    y, dy = to_bf16(np.maximum(values([seed, 1], n, 3, w, c), 0)), values([seed, 2], n, 3, w, c)
    for narrow in (True, False):
        expected = reference.relu_bias_backward(y, dy, to_bf16=narrow)
        for dz, db in on_all(lambda narrow=narrow: native.relu_bias_backward(y, dy, to_bf16=narrow)):
            assert same_bits(dz, expected[0])
            np.testing.assert_allclose(db, expected[1], rtol=0, atol=n * 3 * w * 2.0**-24 * np.abs(dy).sum((0, 1, 2)).max())
    own = dy.copy()
    assert native.relu_bias_backward(y, own, to_bf16=False, out=own)[0] is own and same_bits(own, np.where(from_bf16(y) > 0, dy, 0))


def test_a_max_pool_takes_0_before_minus_0(isa):
    x = to_bf16(np.random.default_rng(0).choice(np.float32([0, -0.0, -1, np.nan]), (2, 7, 8, 53)))
    y, index = native.max_pool2d(x, 2, stride=1)
    expected = reference.max_pool2d(x, 2, stride=1)
    assert same_bits(y, expected[0]) and np.array_equal(index, expected[1]) and {0, 0x8000} < set(y.ravel().tolist())


@pytest.mark.parametrize("window", [
    {"kernel_size": 3, "stride": 2, "ceil_mode": True}, {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (5, 1), "padding": (2, 0)}, {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2},
    {"kernel_size": 16, "stride": 1, "padding": 8},
])  # fmt: skip
def test_max_pools_and_their_gradients_are_those_of_the_reference(isa, window):
    x = to_bf16(np.round(values(5, 2, 9, 11, 53)) + 5)  # with ties
    y, index = native.max_pool2d(x, **window)
    expected = reference.max_pool2d(x, **window)
    assert same_bits(y, expected[0]) and np.array_equal(index, expected[1])
    assert same_bits(native.max_pool2d(x, with_index=False, **window)[0], y)
    dy = values(6, *y.shape)
    found = native.max_pool2d_backward(x.shape, index, dy, **window)
    np.testing.assert_allclose(found, reference.max_pool2d_backward(x.shape, index, dy, **window), rtol=0, atol=2e-5)
    wide = kernels.max_pool2d(from_bf16(x), **window)
    np.testing.assert_allclose(found, kernels.max_pool2d_backward(x.shape, wide[1], dy, **window), rtol=0, atol=2e-5)


def test_results_do_not_depend_on_the_number_of_threads_or_on_the_neighbours_of_a_slice(isa):
    wide, w, before = to_bf16(values(6, 9, 14, 14, 26)), values(7, 1, 5, 12, 40), kernels.get_num_threads()
    x, found = wide[..., 2:14], []
    dz = to_bf16(values(8, 9, 14, 10, 40))
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        found.append((native.conv2d(x, w), native.conv2d_weight(x, w.shape, dz), native.conv2d_input(x.shape, w, dz)))
    kernels.set_num_threads(before)
    for each in found:
        assert all(map(same_bits, each, found[0]))
    assert same_bits(found[0][1], reference.conv2d_weight(x.copy(), w.shape, dz))


@pytest.mark.parametrize("side", ["before", "after"])
def test_nothing_outside_of_the_arrays_is_touched(isa, side):
    for shape, w_shape in (((2, 6, 5, 13), (2, 3, 13, 21)), ((1, 7, 1, 3), (1, 1, 3, 33))):
        x, w = guarded(shape, side, np.uint16), values(9, *w_shape)
        x[...] = to_bf16(values(8, *shape))
        y = guarded(reference.shape_of(x, w).y, side, np.uint16)
        native.conv2d(x, w, out=y)
        dz = guarded(y.shape, side, np.uint16)
        dz[...] = to_bf16(values(7, *y.shape))
        native.conv2d_weight(x, w.shape, dz)
        native.conv2d_input(shape, w, dz, accumulate=guarded(shape, side))
        native.relu_bias_backward(y, guarded(y.shape, side), to_bf16=False, out=guarded(y.shape, side))
        native.max_pool2d(x, (2, 1), out=guarded((shape[0], shape[1] // 2, shape[2], shape[3]), side, np.uint16))


@pytest.mark.parametrize("padding", [0, 2, 3, 4, (0, 5, 1, 0)])
def test_by_winograd_any_padding_has_gradients(isa, padding):
    """Of more than 2 pixels, the first rows and columns of dy meet padding only, and are cut off."""
    x_shape, w = (9, 15, 13, 32), values(1, 3, 3, 32, 32)
    s = native.shape_of(np.zeros(x_shape, np.float32), w, padding=padding)
    dz = values(2, *s.y)
    assert native.by_winograd(s)
    dx = exact.conv2d_input(x_shape, w.astype(np.float64), dz.astype(np.float64), padding=padding)
    assert np.linalg.norm(native.conv2d_input(x_shape, w, dz, padding=padding) - dx) < 8 * HALF * np.linalg.norm(dx)


@pytest.mark.parametrize("shape", [(), (1,), (5, 0), (0, 3), (2, 64), (3, 1, 7)])
def test_maps_of_any_shape_are_rounded_and_widened(isa, shape):
    x = values(1, *shape)
    narrow = native.to_bf16(x)
    assert narrow.shape == shape and same_bits(narrow, to_bf16(x)) and same_bits(native.from_bf16(narrow), from_bf16(narrow))


@pytest.mark.parametrize("window", [1, 3])
def test_no_images_have_gradients_of_zero(isa, window):
    x, w = np.zeros((0, 5, 5, 3), np.uint16), values(1, window, window, 3, 4)
    dz = np.zeros(native.conv2d(x, w).shape, np.uint16)
    assert native.conv2d_input(x.shape, w, dz).shape == x.shape
    assert same_bits(native.conv2d_weight(x, w.shape, dz), np.zeros(w.shape, np.float32))


@pytest.mark.parametrize("kernels", [native, reference])
def test_an_empty_batch_has_a_gradient_of_zeros(kernels):
    empty = np.zeros((0, 3, 3, 2), np.uint16), np.zeros((0, 3, 3, 4), np.uint16)
    assert not kernels.conv2d_weight(empty[0], (1, 1, 2, 4), empty[1]).any()
