"""Convolution and its gradients: every instruction set and algorithm against float64, and float64 against loops and PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import absolute, assert_sums_close, same_bits, unchanged
from tests.strategies import conv_case, conv_cases, in_wider, numbers, wide_out

algorithms = pytest.mark.parametrize("algorithm", ["direct", "im2col"])  # winograd: test_winograd.py

# What hypothesis may not draw today: GoogLeNet's kinds of layer in small, and the corners of the two tiles.
FIXED = {
    "conv1 7x7/2": conv_case((2, 30, 30, 3), (7, 7, 3, 64), stride=(2, 2), padding=(3, 3), relu=True),
    "1x1 from a slice to a slice": conv_case((2, 7, 7, 20), (1, 1, 20, 24), x_pads=(3, 5), dy_pads=(2, 1), out_pads=(4, 4)),
    "3x3 from a slice": conv_case((1, 9, 9, 33), (3, 3, 33, 17), padding=(1, 1), x_pads=(1, 0), dy_pads=(0, 7)),
    "5x5 larger than the map": conv_case((3, 2, 2, 5), (5, 5, 5, 70), padding=(2, 2)),
    "1x1 map": conv_case((1, 1, 1, 1), (1, 1, 1, 1)),
    "all padding": conv_case((1, 1, 1, 2), (2, 2, 2, 3), stride=(3, 3), padding=(4, 4)),
    "1x1 with stride": conv_case((2, 9, 8, 6), (1, 1, 6, 40), stride=(2, 3)),
    "rows longer than a block": conv_case((1, 2, 700, 2), (1, 3, 2, 2), padding=(0, 1)),
    "images longer than a block": conv_case((2, 40, 40, 3), (3, 3, 3, 5), padding=(1, 1)),
    "empty batch": conv_case((0, 4, 4, 3), (3, 3, 3, 8)),
    "empty batch of 1x1": conv_case((0, 4, 4, 3), (1, 1, 3, 8), groups=1),
    "depthwise": conv_case((2, 6, 6, 8), (3, 3, 1, 8), padding=(1, 1), groups=8),
    "padding on two sides": conv_case((2, 14, 14, 5), (3, 3, 5, 20), stride=(2, 2), padding=(0, 0, 1, 1)),
    "dilated from a slice": conv_case((2, 9, 11, 13), (3, 3, 13, 18), padding=(2, 1, 3, 0), dilation=(2, 3), x_pads=(2, 1), dy_pads=(0, 3)),
    "dilated rows only": conv_case((1, 12, 9, 6), (3, 5, 6, 9), padding=(4, 2), dilation=(4, 1)),
    "AlexNet's groups": conv_case((1, 8, 8, 12), (5, 5, 6, 34), padding=(2, 2), groups=2, x_pads=(2, 2), dy_pads=(1, 1), out_pads=(5, 0)),
}
fixed_cases = pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)


def run_forward(case, algorithm):
    """The native result, written to a slice of a wider array whose other channels must stay as they were."""
    shape = case.dy.shape
    whole, out = wide_out(shape, *case.out_pads)
    with unchanged(case.x, case.w, case.b):
        y = native.conv2d(*case.args32, relu=case.relu, out=out if any(case.out_pads) else None, algorithm=algorithm, **case.settings)
    if any(case.out_pads):
        assert y is out
        left = case.out_pads[0]
        assert np.all(whole[..., :left] == -7) and np.all(whole[..., left + shape[-1] :] == -7), "wrote beside the slice"
    return y


def check_forward(case, algorithm):
    y = run_forward(case, algorithm)
    exact = reference.conv2d(*case.args64, relu=case.relu, **case.settings)
    magnitude = reference.conv2d(*(absolute(a) for a in case.args32), **case.settings)
    assert_sums_close(y, exact, magnitude, np.prod(case.w.shape[:3]) + 1)


def check_input(case, algorithm):
    with unchanged(case.w, case.dy):
        dx = native.conv2d_input(case.x.shape, case.w, case.dy, algorithm=algorithm, **case.settings)
    exact = reference.conv2d_input(case.x.shape, case.w.astype(np.float64), case.dy64, **case.settings)
    magnitude = reference.conv2d_input(case.x.shape, absolute(case.w), absolute(case.dy), **case.settings)
    taps = case.w.shape[0] * case.w.shape[1] * (case.w.shape[3] // case.settings["groups"])
    assert_sums_close(dx, exact, magnitude, taps)


def check_weight(case, algorithm):
    with unchanged(case.x, case.dy):
        dw = native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm=algorithm, **case.settings)
    exact = reference.conv2d_weight(case.x.astype(np.float64), case.w.shape, case.dy64, **case.settings)
    magnitude = reference.conv2d_weight(absolute(case.x), case.w.shape, absolute(case.dy), **case.settings)
    assert_sums_close(dw, exact, magnitude, max(case.dy.size // case.dy.shape[-1], 1))


def check_bias(case):
    with unchanged(case.dy):
        db = native.conv2d_bias(case.dy)
    assert_sums_close(db, reference.conv2d_bias(case.dy64), reference.conv2d_bias(absolute(case.dy)),
                      max(case.dy.size // case.dy.shape[-1], 1))


@algorithms
@fixed_cases
def test_every_kind_of_layer_matches_the_float64_reference_forward_and_backward(isa, case, algorithm):
    check_forward(case, algorithm)
    check_input(case, algorithm)
    check_weight(case, algorithm)
    check_bias(case)


@algorithms
@given(case=conv_cases())
def test_conv2d_matches_the_float64_reference(isa, algorithm, case):
    check_forward(case, algorithm)


@algorithms
@given(case=conv_cases())
def test_input_gradient_matches_the_float64_reference(isa, algorithm, case):
    check_input(case, algorithm)


@algorithms
@given(case=conv_cases())
def test_weight_gradient_matches_the_float64_reference(isa, algorithm, case):
    check_weight(case, algorithm)


@given(case=conv_cases())
def test_bias_gradient_matches_the_float64_reference(isa, case):
    check_bias(case)


def test_bias_gradient_over_very_many_pixels_stays_within_the_bound(isa):
    dy = np.abs(numbers(0, (300_000, 5))) + 1  # all of one sign: a running float32 sum would be off by 1e-4
    exact = dy.astype(np.float64).sum(axis=0)
    assert np.all(np.abs(native.conv2d_bias(dy) - exact) <= (4 + 2 * np.sqrt(256)) * 2**-24 * exact)  # blocks of 256 rows


@algorithms
@given(case=conv_cases(whole=True))
def test_whole_numbers_give_exact_results(isa, algorithm, case):
    """Products and sums of small integers are integers below 2^24: float32 holds each of them exactly."""
    s = case.settings
    assert np.array_equal(run_forward(case, algorithm), reference.conv2d(*case.args64, relu=case.relu, **s))
    w64, x64 = case.w.astype(np.float64), case.x.astype(np.float64)
    assert np.array_equal(native.conv2d_input(case.x.shape, case.w, case.dy, algorithm=algorithm, **s),
                          reference.conv2d_input(case.x.shape, w64, case.dy64, **s))
    assert np.array_equal(native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm=algorithm, **s),
                          reference.conv2d_weight(x64, case.w.shape, case.dy64, **s))
    assert np.array_equal(native.conv2d_bias(case.dy), reference.conv2d_bias(case.dy64))


# ---- the reference, judged by others ----


def loops_conv2d(x, w, b, stride, padding, dilation, groups):
    """Convolution as its definition says, one multiplication after the other (as in Caffe's tests)."""
    n, h, width, cin = x.shape
    kh, kw, per_group, cout = w.shape
    top, left, bottom, right = (*padding, *padding)[:4]
    out_h = (top + h + bottom - (kh - 1) * dilation[0] - 1) // stride[0] + 1
    out_w = (left + width + right - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((n, out_h, out_w, cout))
    for i, oy, ox, o in np.ndindex(*y.shape):
        y[i, oy, ox, o] = 0 if b is None else b[o]
        for ky, kx, c in np.ndindex(kh, kw, per_group):
            iy, ix = oy * stride[0] - top + ky * dilation[0], ox * stride[1] - left + kx * dilation[1]
            if 0 <= iy < h and 0 <= ix < width:
                y[i, oy, ox, o] += x[i, iy, ix, o // (cout // groups) * per_group + c] * w[ky, kx, c, o]
    return y


SMALL = {
    "1x1": conv_case((1, 2, 3, 2), (1, 1, 2, 3)),
    "3x3 padded, stride 2": conv_case((2, 4, 5, 2), (3, 3, 2, 2), stride=(2, 2), padding=(1, 1)),
    "2x3, stride does not divide": conv_case((1, 6, 5, 1), (2, 3, 1, 2), stride=(3, 4)),
    "larger than the map": conv_case((1, 2, 1, 2), (4, 3, 2, 1), padding=(2, 1), bias=False),
    "groups": conv_case((1, 3, 3, 4), (2, 2, 2, 6), padding=(0, 1), groups=2),
    "dilated": conv_case((1, 5, 6, 2), (3, 2, 2, 3), stride=(2, 1), padding=(2, 1), dilation=(2, 3)),
    "depthwise": conv_case((1, 4, 5, 3), (3, 3, 1, 6), padding=(1, 1), dilation=(1, 2), groups=3),
}
SIDES = {
    "padding below and to the right": conv_case((1, 4, 4, 2), (3, 3, 2, 2), stride=(2, 2), padding=(0, 0, 1, 1)),
    "four kinds of padding, dilated": conv_case((2, 4, 5, 2), (3, 3, 1, 4), padding=(3, 0, 1, 4), dilation=(2, 2), groups=2),
}


@pytest.mark.parametrize("case", (SMALL | SIDES).values(), ids=SMALL | SIDES)
def test_the_reference_is_the_definition_written_as_loops(case):
    y = reference.conv2d(*case.args64, **case.settings)
    assert np.allclose(y, loops_conv2d(*case.args64, **case.settings), rtol=1e-13, atol=1e-13)


def drawn_case(seed):
    """A small random convolution."""
    rng = np.random.default_rng(seed)
    (kh, kw), stride, (h, w) = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 7, 2)
    padding, groups = rng.integers(0, (kh + 2, kw + 2)), int(rng.integers(1, 3))
    h, w = max(h, kh - 2 * padding[0]), max(w, kw - 2 * padding[1])
    cin, cout = rng.integers(1, 3, 2) * groups
    shapes = [tuple(map(int, shape)) for shape in ((rng.integers(1, 3), h, w, cin), (kh, kw, cin // groups, cout), stride, padding)]
    return conv_case(*shapes[:2], stride=shapes[2], padding=shapes[3], groups=groups, bias=bool(rng.integers(2)), seed=seed)


JUDGED = SMALL | SIDES | {f"drawn {seed}": drawn_case(seed) for seed in range(25)}


@asked("torch", *JUDGED)
def pytorchs_convolution(name):
    import torch

    case, s = JUDGED[name], JUDGED[name].settings
    x, w, b = (None if a is None else torch.tensor(a, requires_grad=True) for a in case.args64)
    x_nchw, w_oihw = x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1).contiguous()
    top, left, bottom, right = (*s["padding"], *s["padding"])[:4]
    padded = torch.nn.functional.pad(x_nchw, (left, right, top, bottom))
    y = torch.nn.functional.conv2d(padded, w_oihw, b, s["stride"], 0, s["dilation"], s["groups"])
    y.backward(torch.tensor(case.dy64).permute(0, 3, 1, 2))
    found = [y.detach().permute(0, 2, 3, 1), x.grad, w.grad] + ([] if b is None else [b.grad])
    return {"all": np.concatenate([a.numpy().ravel() for a in found])}


@pytest.mark.parametrize("name", JUDGED)
def test_the_reference_and_its_gradients_agree_with_pytorch(name):
    case, s = JUDGED[name], JUDGED[name].settings
    x, w, b = case.args64
    dx, dw = reference.conv2d_input(x.shape, w, case.dy64, **s), reference.conv2d_weight(x, w.shape, case.dy64, **s)
    found = [reference.conv2d(x, w, b, **s), dx, dw] + ([] if b is None else [reference.conv2d_bias(case.dy64)])
    assert np.allclose(np.concatenate([a.ravel() for a in found]), pytorchs_convolution(name)["all"], rtol=1e-10, atol=1e-10)


@given(case=conv_cases())
def test_the_three_functions_are_adjoint_to_one_another(case):
    """<conv(x, w), dy> = <x, conv_input(w, dy)> = <w, conv_weight(x, dy)>, because the convolution is linear in x and in w."""
    x, w, _ = case.args64
    s = case.settings
    forward = (reference.conv2d(x, w, **s) * case.dy64).sum()
    size = (reference.conv2d(np.abs(x), np.abs(w), **s) * np.abs(case.dy64)).sum()
    by_input = (x * reference.conv2d_input(x.shape, w, case.dy64, **s)).sum()
    by_weight = (w * reference.conv2d_weight(x, w.shape, case.dy64, **s)).sum()
    assert abs(forward - by_input) <= 1e-12 * size and abs(forward - by_weight) <= 1e-12 * size


# ---- bits ----


def all_results(case, algorithm="direct"):
    s = case.settings
    return [
        native.conv2d(*case.args32, relu=case.relu, algorithm=algorithm, **s),
        native.conv2d_input(case.x.shape, case.w, case.dy, algorithm=algorithm, **s),
        native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm=algorithm, **s),
        native.conv2d_bias(case.dy),
    ]


@fixed_cases
def test_bits_do_not_depend_on_the_number_of_threads(isa, threads, case):
    threads(1)
    expected = all_results(case)
    for n in (2, 3, 5):
        threads(n)
        for name, a, b in zip(("y", "dx", "dw", "db"), all_results(case), expected, strict=True):
            assert same_bits(a, b), f"{name} differs with {n} threads"


@given(case=conv_cases(), n=st.integers(2, 7))
def test_bits_do_not_depend_on_the_number_of_threads_for_random_shapes(isa, case, n):
    before = native.machine.threads()
    try:
        native.machine.set_threads(1)
        expected = all_results(case)
        native.machine.set_threads(n)
        assert all(same_bits(a, b) for a, b in zip(all_results(case), expected, strict=True))
    finally:
        native.machine.set_threads(before)


@pytest.mark.skipif(native is None or not {"avx2", "avx512"} <= set(native.machine.available_isas()), reason="needs AVX2 and AVX-512")
@given(case=conv_cases())
def test_avx2_and_avx512_give_the_same_bits(case):
    """Each output is one chain of fused multiply-adds in one order, whatever the width of the vectors."""
    before, results = native.machine.isa(), []
    try:
        for name in ("avx2", "avx512"):
            native.machine.set_isa(name)
            results.append(all_results(case))
    finally:
        native.machine.set_isa(before)
    for name, a, b in zip(("y", "dx", "dw", "db"), *results, strict=True):
        assert same_bits(a, b), f"{name} differs"


@algorithms
def test_nan_and_infinity_reach_exactly_the_outputs_whose_windows_hold_them(isa, algorithm):
    x, w = np.ones((1, 9, 9, 5), np.float32), np.ones((3, 3, 5, 20), np.float32)
    x[0, 4, 4, 2], x[0, 8, 8, 0] = np.nan, np.inf
    y = native.conv2d(x, w, padding=1, relu=True, algorithm=algorithm)
    near = np.zeros((9, 9), bool)
    near[3:6, 3:6] = True
    assert np.array_equal(np.isnan(y[0]), np.repeat(near[..., None], 20, -1))
    assert np.all(np.isinf(y[0, 7:, 7:])) and np.isinf(y).sum() == 4 * 20


@algorithms
def test_out_of_the_same_array_as_a_neighbour_is_independent(isa, algorithm):
    """Two branches write side by side into one array, as an Inception module does."""
    x, whole = numbers(0, (2, 5, 6, 7)), np.empty((2, 5, 6, 30), np.float32)
    w1, w2 = numbers(1, (1, 1, 7, 13)), numbers(2, (3, 3, 7, 17))
    native.conv2d(x, w1, out=whole[..., :13], algorithm=algorithm)
    native.conv2d(x, w2, padding=1, out=whole[..., 13:], algorithm=algorithm)
    assert same_bits(np.ascontiguousarray(whole[..., :13]), native.conv2d(x, w1, algorithm=algorithm))
    assert same_bits(np.ascontiguousarray(whole[..., 13:]), native.conv2d(x, w2, padding=1, algorithm=algorithm))


@algorithms
def test_inputs_and_results_may_be_views_with_one_pixel_or_one_channel(isa, algorithm):
    wide = numbers(0, (3, 1, 1, 9))
    one_channel = numbers(1, (2, 4, 4, 5))[..., 2:3]
    for x in (wide[1:2, :, :, 2:7], one_channel, in_wider(numbers(2, (1, 1, 3, 4)), 0, 3)):
        w = numbers(3, (1, 1, x.shape[-1], 6))
        expected = reference.conv2d(x.astype(np.float64), w.astype(np.float64))
        assert np.allclose(native.conv2d(x, w, algorithm=algorithm), expected, rtol=1e-5, atol=1e-5)
