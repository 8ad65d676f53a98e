"""Activations and addition, dense and on slices, with NaN and with the output in the place of an input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import U, same_bits, unchanged
from tests.strategies import channels, in_wider, numbers, pads, seeds, wide_out

maps = st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), channels)
shapes = st.one_of(
    maps, st.tuples(st.integers(0, 300)), st.tuples(st.integers(0, 9), st.integers(0, 70)), st.just(()), st.just((3, 9001)),
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


@given(shape=st.one_of(maps, st.tuples(st.integers(200, 600), st.integers(1, 70))), seed=seeds, y_pads=pads, dy_pads=pads)
def test_the_gradients_before_a_relu_and_of_its_bias_have_the_bits_of_two_kernels(isa, shape, seed, y_pads, dy_pads):
    y, dy = sliced(native.relu(numbers(seed, shape)), y_pads), sliced(numbers([seed, 1], shape), dy_pads)
    with unchanged(y, dy):
        dz, db = native.relu_bias_backward(y, dy)
    assert same_bits(dz, native.relu_backward(y, dy)) and same_bits(db, native.conv2d_bias(dz))
    in_place, db = native.relu_bias_backward(y, dy, out=dy)
    assert in_place is dy and same_bits(np.array(dy), dz) and same_bits(db, native.conv2d_bias(dz))


@given(shape=shapes, seed=seeds, x_pads=pads, y_pads=pads, negative_slope=st.floats(-2, 2, width=32))
def test_leaky_relu_and_its_gradient_are_the_reference_exactly(isa, shape, seed, x_pads, y_pads, negative_slope):
    x, (whole, out) = sliced(special(seed, shape), x_pads), target(shape, y_pads)
    dy = sliced(special([seed, 1], shape), y_pads)
    with unchanged(x, dy), np.errstate(invalid="ignore"):  # 0 * inf
        assert np.array_equal(native.leaky_relu(x, negative_slope, out=out), reference.leaky_relu(x, negative_slope), equal_nan=True)
        dx, exact = (kernels.leaky_relu_backward(x, dy, negative_slope) for kernels in (native, reference))
    assert_rest_untouched(whole, out)
    assert np.array_equal(dx, exact, equal_nan=True)


STRAIGHT = {"clip": (-0.5, 1.25), "hard_sigmoid": (0.25, 0.5), "hard_swish": ()}  # made of pieces of lines and parabolas
CURVED = {"sigmoid": (), "silu": (), "elu": (0.75,)}
U32 = 2**-149  # the smallest float


@given(shape=shapes, seed=seeds, x_pads=pads, y_pads=pads, name=st.sampled_from(sorted(STRAIGHT | CURVED)))
def test_an_activation_and_its_gradient_match_float64(isa, shape, seed, x_pads, y_pads, name):
    settings = (STRAIGHT | CURVED)[name]
    x = sliced(np.asarray(special(seed, shape) * np.float32(3)), x_pads)
    dy, (whole, out) = sliced(numbers([seed, 1], shape), y_pads), target(shape, y_pads)
    with np.errstate(invalid="ignore", over="ignore"), unchanged(x, dy):
        y = getattr(native, name)(x, *settings, out=out)
        kept = y if name == "sigmoid" else x
        dx = getattr(native, f"{name}_backward")(kept, dy, *settings)
        exact = getattr(reference, name)(x.astype(np.float64), *settings)
        exact_dx = getattr(reference, f"{name}_backward")(kept.astype(np.float64), dy.astype(np.float64), *settings)
    assert_rest_untouched(whole, out)
    assert_near(y, exact, 8 * U * np.maximum(np.abs(exact), 0 if name in CURVED else 0.5))
    assert_near(dx, exact_dx, 16 * U * np.abs(dy) * np.maximum(1, np.abs(np.nan_to_num(x))))


def assert_near(got, exact, limit):
    finite = np.isfinite(exact)
    assert np.array_equal(got[~finite], exact[~finite].astype(np.float32), equal_nan=True)
    assert np.all(np.abs(got[finite] - exact[finite]) <= limit[finite] + U32)


def test_an_activation_is_within_some_units_in_the_last_place_or_the_smallest_normal_float(isa):
    """Where the sigmoid is no normal float it may be 0."""
    x = np.concatenate([np.linspace(-110, 110, 40001), 10.0 ** np.linspace(-40, 38, 2001), -(10.0 ** np.linspace(-40, 38, 2001))])
    x = x.astype(np.float32)
    for name, settings in CURVED.items():
        y, exact = getattr(native, name)(x, *settings), getattr(reference, name)(x.astype(np.float64), *settings)
        assert not np.isnan(y).any()
        tiny = {"sigmoid": 1, "silu": np.maximum(np.abs(x), 1), "elu": 8 * U}[name] * 2.0**-126
        assert np.all(np.abs(y - exact) <= 8 * U * np.abs(exact) + tiny), name


@asked("torch")
def pytorchs_activations():
    import torch
    from torch.nn import functional as f

    functions = {"clip": lambda x: torch.clamp(x, 0, 6), "hard_sigmoid": f.hardsigmoid, "hard_swish": f.hardswish, "sigmoid": torch.sigmoid,
                 "silu": f.silu, "elu": f.elu}
    answers = {}
    for name, function in functions.items():
        x = torch.tensor(KINKS, requires_grad=True)
        y = function(x)
        y.sum().backward()
        answers |= {name: y.detach().numpy(), f"{name}_backward": x.grad.numpy()}
    return answers


KINKS = np.array([np.nan, 0, -0.0, 3, -3, 6, -6, 2.999, -2.999, 1e4, -1e4, 1e-30, -1e-30, 0.5, -0.5] * 3, np.float32)


def test_activations_have_pytorchs_values_and_gradients_at_kinks(isa):
    answers, dy = pytorchs_activations(), np.ones_like(KINKS)
    defaults = {"clip": (0, 6), "hard_sigmoid": (1 / 6, 0.5), "hard_swish": (), "sigmoid": (), "silu": (), "elu": (1.0,)}
    for name, settings in defaults.items():
        y = getattr(native, name)(KINKS, *settings)
        dx = getattr(native, f"{name}_backward")(y if name == "sigmoid" else KINKS, dy, *settings)
        np.testing.assert_allclose(y, answers[name], rtol=3e-6, atol=1e-38 if name in CURVED else 1e-7, err_msg=name)
        dx, expected = dx[1:15], answers[f"{name}_backward"][1:15]  # not at NaN: there PyTorch's vectors and its scalars differ
        np.testing.assert_allclose(dx, expected, rtol=3e-6, atol=2e-7, err_msg=name)


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
        return [native.relu(a), native.relu_backward(a, b), *native.relu_bias_backward(a, b), native.add(a, b), native.tanh(a, 1.5, 0.5),
                native.leaky_relu(a, 0.1), native.leaky_relu_backward(a, b, 0.1)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(x, y) for x, y in zip(results(), expected, strict=True))
