"""F(2x2, 3x3) of bf16: the bits of the reference on every instruction set; the reference within the bound of its roundings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog import kernels
from minigoog.kernels.native import bf16_winograd as native
from minigoog.kernels.native import machine
from minigoog.kernels.reference import bf16
from minigoog.kernels.reference import bf16_winograd as reference
from tests.kernels.guard import guarded
from tests.kernels.judge import same_bits
from tests.kernels.test_int8 import isa

__all__ = ["isa"]
EIGHT, TWENTY_FOUR = 2.0**-9, 2.0**-24  # the largest error of rounding to bf16 and to float32, relative


def arguments(seed, x_shape, cout):
    """x, w and b."""
    rng = np.random.default_rng(seed)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in (x_shape, (3, 3, x_shape[-1], cout), (cout,)))
    return bf16.to_bf16(x), w, b


@st.composite
def cases(draw):
    """(x shape, output channels, settings): odd and even maps, channels of all rests, one tile and many."""
    padding = draw(st.sampled_from([0, 1, 2, (1, 0, 0, 2)]))
    h, w = draw(st.integers(3, 17)), draw(st.integers(3, 9))
    limits = draw(st.sampled_from([(0.0, np.inf), (-np.inf, np.inf), (-0.5, 0.75)]))
    x_shape = (draw(st.integers(0, 3)), h, w, draw(st.integers(1, 37)))
    return x_shape, draw(st.sampled_from([1, 3, 8, 16, 17, 31, 33, 70])), {"padding": padding, "limits": limits}


@given(cases(), st.booleans(), st.integers(0, 99))
def test_convolutions_have_the_bits_of_the_reference_on_any_number_of_threads(case, has_bias, seed):
    x_shape, cout, settings = case
    x, w, b = arguments(seed, x_shape, cout)
    b = b if has_bias else None
    expected, before = reference.bf16_conv2d_winograd(x, w, b, **settings), (machine.isa(), kernels.get_num_threads())
    for name in machine.available_isas():
        machine.set_isa(name)
        for threads in (1, 3):
            kernels.set_num_threads(threads)
            assert same_bits(native.bf16_conv2d_winograd(x, w, b, **settings), expected)
    machine.set_isa(before[0])
    kernels.set_num_threads(before[1])


def test_the_algorithm_is_exact_where_nothing_is_rounded():
    """Small integers: all transforms, products and sums are exact, so the result is the convolution, rounded once."""
    rng = np.random.default_rng(1)
    x = bf16.to_bf16(rng.integers(-8, 8, (2, 7, 6, 5)).astype(np.float32))
    w, b = 4 * rng.integers(-3, 4, (3, 3, 5, 9)).astype(np.float32), rng.integers(-9, 9, 9).astype(np.float32)
    for padding in (0, 1):
        assert same_bits(reference.bf16_conv2d_winograd(x, w, b, padding=padding), bf16.bf16_conv2d(x, bf16.to_bf16(w), b, padding=padding))


@given(cases(), st.integers(0, 99))
def test_errors_are_within_the_bound_of_the_roundings(case, seed):
    """Each transformed value is off by 2^-9 of itself or, to make up for others, weights by twice that; sums of n terms by n 2^-23 of the
    sum of their magnitudes, the transforms' own too; and the result is rounded to bf16."""
    x_shape, cout, settings = case
    settings = settings | {"limits": bf16.INFINITE}
    x, w, _ = arguments(seed, x_shape, cout)
    y = bf16.from_bf16(reference.bf16_conv2d_winograd(x, w, **settings)).astype(np.float64)
    exact = kernels.reference.conv2d(bf16.from_bf16(x).astype(np.float64), w.astype(np.float64), padding=settings["padding"])
    v, u = magnitudes(x, w, settings["padding"])
    terms = outputs(np.einsum("ijnyxc,ijco->ijnyxo", v, u), exact.shape)
    bound = terms * (3 * EIGHT + 3 * EIGHT**2 + 2 * (x_shape[-1] + 8) * TWENTY_FOUR)
    assert (np.abs(y - exact) <= bound + EIGHT * (np.abs(exact) + bound)).all()


def magnitudes(x, w, padding):
    """The transforms of the pixels and the weights, in float64, with all terms positive where they are rounded."""
    s = reference.check_bf16_winograd(x, w, None, padding, bf16.INFINITE)
    squares = reference._squares(bf16.from_bf16(x), s).astype(np.float64)
    b = np.array([[-1, 0, 1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]])
    v = np.einsum("ip,jq,pqnyxc->ijnyxc", b, b, squares)
    u = np.einsum("ip,jq,pqco->ijco", reference.WEIGHTS, reference.WEIGHTS, w.astype(np.float64))
    return np.abs(v), np.abs(u)


def outputs(m, shape):
    """The output transform of magnitudes."""
    a = np.array([[1, 1, 1, 0], [0, 1, 1, 1]])
    y = np.einsum("ip,jq,pqnyxo->nyixjo", a, a, m)
    n, down, _, across, _, o = y.shape
    return y.reshape(n, 2 * down, 2 * across, o)[:, : shape[1], : shape[2]]


def test_the_error_is_at_most_two_and_a_half_times_that_of_direct_sums():
    """By root mean square, on pixels that a ReLU left. Both round weights and outputs; F(2x2, 3x3) the transformed pixels too."""
    x, w, b = arguments(2, (2, 14, 14, 64), 32)
    x = np.where(x >> 15, 0, x).astype(np.uint16)
    exact = kernels.reference.conv2d(bf16.from_bf16(x).astype(np.float64), w.astype(np.float64), b.astype(np.float64), padding=1)

    def error(y):
        return np.sqrt(np.square(bf16.from_bf16(y) - exact).mean())

    found = error(reference.bf16_conv2d_winograd(x, w, b, padding=1)) / error(bf16.bf16_conv2d(x, bf16.to_bf16(w), b, padding=1))
    assert 1 < found < 2.5


def test_nan_and_infinity_come_through_and_stay_in_the_tiles_that_read_them(isa):
    for bad in (np.nan, np.inf, -np.inf):
        x, w, b = arguments(3, (1, 9, 8, 20), 17)
        clean = bf16.from_bf16(native.bf16_conv2d_winograd(x, w, b))
        x[0, 4, 3, 11] = bf16.to_bf16(np.float32([bad]))[0]
        y = bf16.from_bf16(native.bf16_conv2d_winograd(x, w, b))
        seen = np.zeros((7, 6), bool)
        seen[2:6, 0:4] = True  # of the tiles of 4 x 4 inputs at even places, those that contain the pixel (4, 3)
        assert same_bits(y[0][~seen], clean[0][~seen])
        assert not np.isfinite(y[0, 2:5, 1:4]).any(), "the windows over the pixel"
        assert np.isnan(y[0, 2:5, 1:4]).all() or not np.isnan(bad)


@pytest.mark.parametrize("side", ["before", "after"])
def test_nothing_outside_of_the_arrays_is_touched(isa, side):
    for shape, cout in (((2, 6, 5, 13), 21), ((1, 3, 3, 1), 3), ((1, 7, 4, 16), 33)):
        x, w, b = arguments(4, shape, cout)
        expected = reference.bf16_conv2d_winograd(x, w, b)
        inside, bias, out = guarded(shape, side, np.uint16), guarded((cout,), side), guarded(expected.shape, side, np.uint16)
        inside[...], bias[...] = x, b
        assert same_bits(native.bf16_conv2d_winograd(inside, w, bias, out=out), expected)


def test_slices_have_the_bits_of_dense_arrays(isa):
    x, w, b = arguments(5, (2, 8, 8, 40), 18)
    wide = np.zeros((2, 8, 8, 30), np.uint16)
    w = w[:, :, 4:24]
    native.bf16_conv2d_winograd(x[..., 4:24], w, b, padding=1, out=wide[..., 6:24])
    assert same_bits(wide[..., 6:24].copy(), reference.bf16_conv2d_winograd(x[..., 4:24].copy(), w, b, padding=1))
    assert not wide[..., :6].any() and not wide[..., 24:].any()


@pytest.mark.parametrize("module", [native, reference])
def test_wrong_arguments_are_named(module):
    x, w, b = arguments(6, (1, 4, 4, 2), 3)
    call = module.bf16_conv2d_winograd
    with pytest.raises(TypeError, match="bf16_conv2d_winograd: `x` is float32, expected uint16"):
        call(x.astype(np.float32), w)
    with pytest.raises(TypeError, match="bf16_conv2d_winograd: `w` is uint16, expected float32"):
        call(x, np.zeros(w.shape, np.uint16))
    with pytest.raises(ValueError, match="bf16_conv2d_winograd: `w` is a window of 2x3, expected 3x3"):
        call(x, w[:2])
    with pytest.raises(ValueError, match="bf16_conv2d_winograd: `limits` are"):
        call(x, w, limits=(1.0, 0.0))
    with pytest.raises(ValueError, match="bf16_conv2d_winograd: `b`"):
        call(x, w, b[:2])


def test_out_does_not_overlap_the_bias():
    x, w, b = arguments(6, (1, 8, 8, 4), 16)
    memory = np.zeros((1, 6, 6, 16), np.uint16)
    inside = memory.reshape(-1)[:32].view(np.float32)
    with pytest.raises(ValueError, match="`out` overlaps `b`, expected separate memory"):
        native.bf16_conv2d_winograd(x, w, inside, out=memory)
