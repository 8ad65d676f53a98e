"""Activations and addition, dense and on slices, with NaN and with the output in the place of an input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import U, same_bits, unchanged
from tests.strategies import channels, in_wider, numbers, pads, seeds, wide_out

shapes = st.one_of(
    st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), channels),
    st.tuples(st.integers(0, 300)), st.tuples(st.integers(0, 9), st.integers(0, 70)), st.just(()), st.just((3, 9001)),
)


def sliced(a, pads):
    return in_wider(a, *pads) if a.ndim else a


def special(seed, shape):
    """Normal numbers, one in eight of them 0, -0, infinite or NaN."""
    a, generator = numbers(seed, shape).copy(), np.random.default_rng(seed)
    strange = generator.choice(np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32), shape)
    return np.where(generator.random(shape) < 1 / 8, strange, a).astype(np.float32).reshape(shape)


def target(shape, pads):
    return wide_out(shape, *pads) if shape and any(pads) else (None, None)


def assert_rest_untouched(whole, out):
    if whole is not None:
        kept = out.copy()
        out[...] = -7
        assert np.all(whole == -7), "wrote beside the slice"
        out[...] = kept


@given(shape=shapes, seed=seeds, x_pads=pads, y_pads=pads)
def test_relu_and_its_gradient_are_the_reference_exactly(isa, shape, seed, x_pads, y_pads):
    x, (whole, out) = sliced(special(seed, shape), x_pads), target(shape, y_pads)
    with unchanged(x):
        y = native.relu(x, out=out)
    assert np.array_equal(y, reference.relu(x), equal_nan=True)
    assert_rest_untouched(whole, out)
    dy = sliced(special([seed, 1], shape), y_pads)
    with unchanged(y, dy):
        dx = native.relu_backward(y, dy)
    assert np.array_equal(dx, reference.relu_backward(y, dy), equal_nan=True)


@given(shape=shapes, seed=seeds, x_pads=pads, y_pads=pads, negative_slope=st.floats(-2, 2, width=32))
def test_leaky_relu_and_its_gradient_are_the_reference_exactly(isa, shape, seed, x_pads, y_pads, negative_slope):
    x, (whole, out) = sliced(special(seed, shape), x_pads), target(shape, y_pads)
    dy = sliced(special([seed, 1], shape), y_pads)
    with unchanged(x, dy), np.errstate(invalid="ignore"):  # 0 * inf
        assert np.array_equal(native.leaky_relu(x, negative_slope, out=out), reference.leaky_relu(x, negative_slope), equal_nan=True)
        dx, exact = (kernels.leaky_relu_backward(x, dy, negative_slope) for kernels in (native, reference))
    assert_rest_untouched(whole, out)
    assert np.array_equal(dx, exact, equal_nan=True)


def test_leaky_relu_by_hand(isa):
    x = np.array([-2, -0.5, 0, 3], np.float32)
    for kernels in (native, reference):
        assert kernels.leaky_relu(x, 0.25).tolist() == [-0.5, -0.125, 0, 3]
        assert kernels.leaky_relu_backward(x, np.full(4, 8, np.float32), 0.25).tolist() == [2, 2, 2, 8]


@given(shape=shapes, seed=seeds, a_pads=pads, b_pads=pads, y_pads=pads)
def test_add_is_the_reference_exactly(isa, shape, seed, a_pads, b_pads, y_pads):
    a, b, (whole, out) = sliced(numbers(seed, shape), a_pads), sliced(numbers([seed, 1], shape), b_pads), target(shape, y_pads)
    with unchanged(a, b):
        y = native.add(a, b, out=out)
    assert np.array_equal(y, reference.add(a, b))
    assert_rest_untouched(whole, out)


ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.0, -3.0] * 5, np.float32)


@asked("torch")
def pytorchs_relu():
    import torch

    return {"y": torch.relu(torch.tensor(ODD)).numpy()}


def test_relu_agrees_with_pytorch_on_nan_infinity_and_signed_zeros(isa):
    assert np.array_equal(native.relu(ODD), pytorchs_relu()["y"], equal_nan=True)


@given(shape=shapes, seed=seeds, gain=st.floats(0.25, 4), slope=st.floats(0.25, 4))
def test_tanh_and_its_gradient_match_float64(isa, shape, seed, gain, slope):
    x = np.asarray(numbers(seed, shape) * 3)
    gain, slope = float(np.float32(gain)), float(np.float32(slope))
    y, exact = native.tanh(x, gain, slope), reference.tanh(x.astype(np.float64), gain, slope)
    # slope * x rounds once, which tanh passes on times slope |x| <= 36; tanhf is within 2 ulp, gain * rounds once
    assert np.all(np.abs(y - exact) <= gain * U * (np.abs(slope * x) * (1 - (exact / gain) ** 2) + 6) + 1e-44)
    dy = numbers([seed, 1], shape)
    exact = reference.tanh_backward(y.astype(np.float64), dy.astype(np.float64), gain, slope)
    assert np.all(np.abs(native.tanh_backward(y, dy, gain, slope) - exact) <= 8 * U * np.abs(dy) * slope * (gain + y * y / gain) + 1e-44)


def test_tanh_of_lecun_maps_one_to_one(isa):
    """The constants are chosen so that f(1) = 1 and f(-1) = -1 (LeCun 1998, appendix A)."""
    assert np.allclose(native.tanh(np.array([1, -1], np.float32), 1.7159, 2 / 3), [1, -1], atol=1e-5)


def test_bits_do_not_depend_on_the_number_of_threads(isa, threads):
    a, b = numbers(0, (9, 30, 30, 37)), in_wider(numbers(1, (9, 30, 30, 37)), 2, 3)

    def results():
        return [native.relu(a), native.relu_backward(a, b), native.add(a, b), native.tanh(a, 1.5, 0.5),
                native.leaky_relu(a, 0.1), native.leaky_relu_backward(a, b, 0.1)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(x, y) for x, y in zip(results(), expected, strict=True))
