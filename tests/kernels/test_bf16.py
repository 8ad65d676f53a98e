"""Kernels of bf16: the bits of the reference on every instruction set; the reference against ml_dtypes and a model of the instruction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog import kernels
from minigoog.kernels.native import bf16 as native
from minigoog.kernels.native import machine
from minigoog.kernels.reference import bf16 as reference
from tests.kernels.guard import guarded
from tests.kernels.judge import same_bits
from tests.kernels.test_int8 import cases, isa

ml_dtypes = pytest.importorskip("ml_dtypes")
__all__ = ["isa"]
TINY = np.float32(2.0**-126)  # the smallest normal number
NUMBERS = np.float32([0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1, 3.39e38, -3.4e38, 1e-45, -1e-40, TINY, 1 + 2**-8, 1 + 3 * 2**-8])


def values(seed, shape):
    return reference.to_bf16(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def same(a, b):
    """The same bits but for NaN, which are compared as a class."""
    a, b = (reference.from_bf16(v) if v.dtype == np.uint16 else v for v in (a, b))
    return a.shape == b.shape and same_bits(np.nan_to_num(a, nan=7), np.nan_to_num(b, nan=7)) and np.array_equal(np.isnan(a), np.isnan(b))


@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_rounding_is_that_of_ml_dtypes_but_for_small_numbers(numbers):
    x = np.concatenate([np.array(numbers, np.float32), NUMBERS])
    expected = np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x).astype(ml_dtypes.bfloat16).astype(np.float32)
    before = machine.isa()
    for name in machine.available_isas():
        machine.set_isa(name)
        found = native.to_bf16(x)
        assert same_bits(found, reference.to_bf16(x)) and same(native.from_bf16(found), expected)
    machine.set_isa(before)


@given(cases(), st.integers(0, 99))
def test_convolutions_have_the_bits_of_the_reference(case, seed):
    x_shape, w_shape, settings = case
    settings = {name: value for name, value in settings.items() if name != "fill"} | {"limits": (0.0, np.inf)}
    given_, before = (values([seed, 1], x_shape), values([seed, 2], w_shape)), machine.isa()
    b = np.random.default_rng(seed).standard_normal(w_shape[-1]).astype(np.float32)
    expected = reference.bf16_conv2d(*given_, b, **settings)
    for name in machine.available_isas():
        machine.set_isa(name)
        assert same_bits(native.bf16_conv2d(*given_, b, **settings), expected)
    machine.set_isa(before)


def test_sums_are_those_of_the_instruction_pair_by_pair_the_odd_channel_first():
    """The model of vdpbf16ps by exact fractions of float64: fma of the upper halves, then of the lower, each rounded to float32."""
    x, w = values(3, (1, 1, 1, 6)), values(4, (1, 1, 6, 5))
    u, v = (reference.from_bf16(a).astype(np.float64) for a in (x[0, 0, 0], w[0, 0]))
    acc = np.zeros(5, np.float32)
    for c in (1, 0, 3, 2, 5, 4):
        acc = (acc.astype(np.float64) + u[c] * v[c]).astype(np.float32)  # the product has 16 bits and the sum one rounding that counts
    assert same_bits(reference.bf16_conv2d(x, w, to_float=True)[0, 0, 0], acc)


def test_the_order_of_a_pair_is_part_of_the_result(isa):
    one, big = 1.0, 2.0**24
    for pair, expected in (((big, -big), 1.0), ((-big, big), 1.0)):
        x = reference.to_bf16(np.array(pair, np.float32).reshape(1, 1, 1, 2))
        w = reference.to_bf16(np.ones((1, 1, 2, 1), np.float32))
        y = native.bf16_conv2d(x, w, np.array([one], np.float32), to_float=True)
        odd_first = np.float32(np.float32(one + pair[1]) + np.float32(pair[0]))
        assert y[0, 0, 0, 0] == odd_first and (odd_first == expected) == (pair[1] < 0)
    x, w = (reference.to_bf16(np.ones(shape, np.float32)) for shape in ((1, 1, 1, 2), (1, 1, 2, 1)))
    assert native.bf16_conv2d(x, w, np.array([big], np.float32), to_float=True)[0, 0, 0, 0] == big, "2^24 + 1 + 1 stays 2^24"


def test_nan_and_infinity_come_through_convolutions_and_pools(isa):
    for bad in (np.nan, -np.nan, np.inf, -np.inf):
        x = np.ones((1, 5, 5, 9), np.float32)
        x[0, 2, 1, 7] = bad
        codes, w = native.to_bf16(x), reference.to_bf16(np.ones((3, 3, 9, 17), np.float32))
        for limits in ((-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0)):
            assert same(native.bf16_conv2d(codes, w, limits=limits), reference.bf16_conv2d(codes, w, limits=limits))
        y = native.bf16_max_pool2d(codes, 3, stride=1)
        expected = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)).max(axis=(4, 5))
        assert same(y, reference.to_bf16(expected)) and np.isnan(reference.from_bf16(y)).any() == np.isnan(bad)
        assert same(native.bf16_avg_pool2d(codes, 3, stride=1), reference.bf16_avg_pool2d(codes, 3, stride=1))


@pytest.mark.parametrize("window", [
    {"kernel_size": 3, "stride": 2, "ceil_mode": True}, {"kernel_size": 2}, {"kernel_size": (5, 1), "padding": (2, 0)},
    {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2}, {"kernel_size": 3, "stride": 1, "padding": 1}, {"kernel_size": (2, 3)},
    {"kernel_size": 3, "stride": 2, "padding": (1, 0, 0, 1)}, {"kernel_size": (4, 3), "stride": (1, 2)},
])  # fmt: skip
@pytest.mark.parametrize("channels", [3, 21, 84])
def test_pools_have_the_bits_of_the_reference(isa, window, channels):
    x = values(5, (2, 9, 7, channels))
    x[0, 4, 3, ::5], x[1, 2:6, 2:6, 1] = reference.NAN, reference.to_bf16(np.float32([-np.inf]))[0]
    assert same_bits(native.bf16_max_pool2d(x, **window), reference.bf16_max_pool2d(x, **window))
    assert same_bits(native.bf16_avg_pool2d(x, **window), reference.bf16_avg_pool2d(x, **window))


def test_results_do_not_depend_on_the_number_of_threads_or_on_the_neighbours_of_a_slice(isa):
    x, w, before = values(6, (2, 14, 14, 26)), values(7, (3, 3, 12, 40)), kernels.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        found.append(native.bf16_conv2d(x[..., 2:14], w, padding=1))
    kernels.set_num_threads(before)
    assert all(same_bits(y, reference.bf16_conv2d(x[..., 2:14].copy(), w, padding=1)) for y in found)


@pytest.mark.parametrize("side", ["before", "after"])
def test_nothing_outside_of_the_arrays_is_touched(isa, side):
    arrays = ((2, 6, 5, 13), (3, 3, 13, 21)), ((1, 3, 4, 45), (1, 1, 45, 2)), ((1, 4, 4, 1), (2, 2, 1, 3)), ((1, 7, 1, 3), (1, 1, 3, 33))
    for shape, w_shape in arrays:
        x, w = values(8, shape), values(9, w_shape)
        expected = reference.bf16_conv2d(x, w)
        inside, out = guarded(shape, side, np.uint16), guarded(expected.shape, side, np.uint16)
        inside[...] = x
        assert same_bits(native.bf16_conv2d(inside, w, out=out), expected)
        assert same_bits(native.bf16_max_pool2d(inside, (2, 1)), reference.bf16_max_pool2d(x, (2, 1)))
        pooled = guarded((*shape[:2], shape[2], shape[3]), side, np.uint16)
        window = {"kernel_size": 3, "stride": 1, "padding": 1}
        assert same_bits(native.bf16_max_pool2d(inside, **window, out=pooled), reference.bf16_max_pool2d(x, **window))


def test_arrays_of_ml_dtypes_come_in_as_views_of_uint16_only():
    """They have no buffer, and NumPy sums them in bf16, where 256 + 1 is 256: so nothing takes them for numbers."""
    x, w = values(1, (1, 4, 4, 6)), values(2, (1, 1, 6, 3))
    theirs = x.view(ml_dtypes.bfloat16)
    for call in (lambda: native.bf16_conv2d(theirs, w), lambda: native.from_bf16(theirs), lambda: reference.to_bf16(theirs)):
        with pytest.raises(TypeError, match="is bfloat16, expected"):
            call()
    assert same_bits(native.bf16_conv2d(theirs.view(np.uint16), w), native.bf16_conv2d(x, w))
    assert np.ones(1000, ml_dtypes.bfloat16).sum() == 256 and native.from_bf16(native.to_bf16(np.ones(1000, np.float32))).sum() == 1000


def test_float64_is_rounded_to_float32_first_by_whoever_has_it(isa):
    """1 + 2^-8 + 2^-30 is above a tie, but a tie in float32. ml_dtypes rounds twice too; here it is the caller who does."""
    x = np.array([1 + 2.0**-8 + 2.0**-30, 1 + 3 * 2.0**-8 - 2.0**-30])
    for module in (native, reference):
        with pytest.raises(TypeError, match="to_bf16: `x` is float64, expected float32"):
            module.to_bf16(x)
        assert same_bits(module.to_bf16(x.astype(np.float32)), x.astype(ml_dtypes.bfloat16).view(np.uint16))


def test_wrong_arguments_are_named():
    x, w = values(1, (1, 4, 4, 2)), values(2, (1, 1, 2, 3))
    with pytest.raises(TypeError, match="bf16_conv2d: `x` is float32, expected uint16"):
        native.bf16_conv2d(x.astype(np.float32), w)
    with pytest.raises(ValueError, match="bf16_conv2d: `limits` are"):
        native.bf16_conv2d(x, w, limits=(1.0, 0.0))
    with pytest.raises(ValueError, match="bf16_conv2d: `b`"):
        native.bf16_conv2d(x, w, np.zeros(2, np.float32))
