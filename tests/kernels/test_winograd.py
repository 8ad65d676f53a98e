"""Convolution by F(4x4, 3x3), F(2x2, 3x3) where tiles are few, F(2x2, 5x5), and F(3x3, 4x4) for 7x7 windows of stride 2: within what
their own transforms, built here, allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.kernels.judge import SMALLEST, U, absolute, same_bits, unchanged
from tests.kernels.test_conv import run_forward
from tests.strategies import conv_case, conv_cases, in_wider, numbers

FEW_TILES = 16  # of 4x4 outputs: below, F(2x2, 3x3) computes the map and its input gradient


def transforms(side, taps, *points):
    """(input, weight, output) of F(side x side, taps x taps) at these points and infinity: size rows, and size, taps, side columns."""
    factors = [np.prod([a - b for b in points if b != a]) for a in points]
    rows = [[*np.poly([b for b in points if b != a])[::-1], 0] for a in points] + [np.poly(points)[::-1]]
    weight = [[a**i / f for i in range(taps)] for a, f in zip(points, factors, strict=True)] + [[0] * (taps - 1) + [1]]
    output = [[a**i for i in range(side)] for a in points] + [[0] * (side - 1) + [1]]
    return np.array(rows), np.array(weight), np.array(output)


SIX = (0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)  # the points of tiles of 6 x 6 inputs
TRANSFORMS = {(side, taps): transforms(side, taps, *SIX) for side, taps in ((4, 3), (3, 4), (2, 5))} | {(2, 3): transforms(2, 3, 0, 1, -1)}
ABSOLUTE = {kind: tuple(np.abs(m) for m in matrices) for kind, matrices in TRANSFORMS.items()}


def side_of(n, out_h, out_w, taps):
    """The side of the tiles that compute an output of this size."""
    if taps == 4:
        return 3
    return 2 if taps == 5 or n * -(-out_h // 4) * -(-out_w // 4) < FEW_TILES else 4


cases = conv_cases(windows=st.sampled_from([(3, 3), (5, 5)]), strides=st.just((1, 1)), plain=True)


def tiles_of(x, padding, out_h, out_w, side, taps):
    """The pixels under each square of side x side outputs: [n, down, across, cin, side + taps - 1, side + taps - 1]."""
    down, across, edge = -(-out_h // side), -(-out_w // side), taps - 1
    canvas = np.zeros((len(x), side * down + edge, side * across + edge, x.shape[-1]))
    (ph, pw), (h, w) = padding, (min(x.shape[1 + i], canvas.shape[1 + i] - padding[i]) for i in range(2))
    canvas[:, ph : ph + h, pw : pw + w] = x[:, :h, :w]
    return np.lib.stride_tricks.sliding_window_view(canvas, (side + edge, side + edge), axis=(1, 2))[:, ::side, ::side]


def winograd(x, w, padding, kinds=TRANSFORMS):
    """The convolution of one group as the algorithm computes it, in float64; with ABSOLUTE transforms, the scale of its errors."""
    if len(w) == 7:
        x, w, padding = *folded(x, w, padding), (0, 0)
    taps = len(w)
    out_h, out_w = (x.shape[1 + i] + 2 * padding[i] + 1 - taps for i in range(2))
    side = side_of(len(x), out_h, out_w, taps)
    into, weight, out = kinds[side, taps]
    v = into @ tiles_of(x, padding, out_h, out_w, side, taps) @ into.T
    u = weight @ w.transpose(2, 3, 0, 1) @ weight.T  # [cin, cout, side + taps - 1, side + taps - 1]
    m = np.einsum("nyxcij,coij->nyxoij", v, u, optimize=True)
    y = (out.T @ m @ out).transpose(0, 1, 4, 2, 5, 3)  # [n, down, side, across, side, cout]
    return y.reshape(len(x), side * y.shape[1], side * y.shape[3], w.shape[3])[:, :out_h, :out_w]


def folded(x, w, padding):
    """A 7x7 convolution of stride 2 as one of 4x4 with stride 1: squares of 2x2 pixels are pixels with four times the channels."""
    n, *size, c = x.shape
    height, width = (2 * ((size[i] + 2 * padding[i] - 7) // 2 + 1) + 6 for i in range(2))
    canvas = np.zeros((n, size[0] + 2 * padding[0] + 1, size[1] + 2 * padding[1] + 1, c))
    canvas[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]] = x
    squares = canvas[:, :height, :width].reshape(n, height // 2, 2, width // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    taps = np.pad(w, ((0, 1), (0, 1), (0, 0), (0, 0))).reshape(4, 2, 4, 2, c, -1).transpose(0, 2, 1, 3, 4, 5)
    return squares.reshape(n, height // 2, width // 2, 4 * c), taps.reshape(4, 4, 4 * c, -1)


def winograd_weight(x, dy, padding, taps, kinds=TRANSFORMS):
    """The weight gradient in the same way, always by F(4x4, 3x3), F(2x2, 5x5) or, for 7x7 windows, F(3x3, 4x4)."""
    if taps == 7:
        x, _ = folded(x, np.zeros((7, 7, x.shape[-1], 1)), padding)
        dw = winograd_weight(x, dy, (0, 0), 4, kinds).reshape(4, 4, 2, 2, -1, dy.shape[-1])
        return dw.transpose(0, 2, 1, 3, 4, 5).reshape(8, 8, -1, dy.shape[-1])[:7, :7]
    side = 7 - taps
    into, weight, out = kinds[side, taps]
    v = into @ tiles_of(x, padding, *dy.shape[1:3], side, taps) @ into.T
    padded = np.zeros((len(dy), side * v.shape[1], side * v.shape[2], dy.shape[-1]))
    padded[:, : dy.shape[1], : dy.shape[2]] = dy
    d = out @ padded.reshape(len(dy), v.shape[1], side, v.shape[2], side, dy.shape[-1]).transpose(0, 1, 3, 5, 2, 4) @ out.T
    return (weight.T @ np.einsum("nyxcij,nyxoij->coij", v, d, optimize=True) @ weight).transpose(2, 3, 0, 1)


def group_slices(case):
    groups, (cin, cout) = case.settings["groups"], case.w.shape[2:]
    return [(slice(g * cin, (g + 1) * cin), slice(g * cout // groups, (g + 1) * cout // groups)) for g in range(groups)]


def assert_close(got, exact, magnitude, terms):
    """|got - exact| <= (6 + 0.2 sqrt(terms)) u S, S = the algorithm run on absolute values.

    Without fused multiply-adds a number rounds at most 8 times in the input transform, 10 (5x5: 12) in that of the weights, 9 in that
    of the output and 3 times between: 32, as a random walk sqrt(32) < 6. 0.2 sqrt(terms) for the sum over channels (or tiles) was
    measured on random data (RELIABILITY.md), whose sums are far smaller than those of absolute values."""
    bound = (6 + 0.2 * np.sqrt(terms)) * U * magnitude + 100 * SMALLEST
    error = np.abs(got - exact)
    assert got.dtype == np.float32 and np.all(error <= bound), f"error is {np.max(error / bound):.3g} times the bound"


@pytest.mark.parametrize("n, side, taps", [(2, 2, 3), (6, 4, 3), (6, 2, 5)])
def test_the_transforms_here_compute_a_convolution(n, side, taps):
    case = conv_case((n, 7, 9, 3), (taps, taps, 3, 5), padding=(1, 2), bias=False)
    assert side_of(*case.dy.shape[:3], taps) == side
    x, w, _ = case.args64
    assert np.allclose(winograd(x, w, (1, 2)), reference.conv2d(x, w, padding=(1, 2)), atol=1e-12)
    exact = reference.conv2d_weight(x, w.shape, case.dy64, padding=(1, 2))
    assert np.allclose(winograd_weight(x, case.dy64, (1, 2), taps), exact, atol=1e-12)


def test_the_folded_weight_gradient_here_is_that_of_a_convolution():
    case = conv_case((2, 17, 12, 3), (7, 7, 3, 5), padding=(3, 2), stride=(2, 2), bias=False)
    x, w, _ = case.args64
    exact = reference.conv2d_weight(x, w.shape, case.dy64, padding=(3, 2), stride=(2, 2))
    assert np.allclose(winograd_weight(x, case.dy64, (3, 2), 7), exact, atol=1e-12)


@given(case=cases)
def test_winograd_matches_the_float64_reference(isa, case):
    y = run_forward(case, "winograd")
    x, w = absolute(case.x), absolute(case.w)
    parts = [winograd(x[..., i], w[..., o], case.settings["padding"], ABSOLUTE) for i, o in group_slices(case)]
    magnitude = np.concatenate(parts, axis=-1) + (0 if case.b is None else absolute(case.b))
    assert_close(y, reference.conv2d(*case.args64, relu=case.relu, **case.settings), magnitude, case.w.shape[2])


@given(case=conv_cases(windows=st.just((7, 7)), strides=st.just((2, 2)), plain=True))
def test_a_7x7_window_of_stride_2_matches_the_float64_reference(isa, case):
    y = run_forward(case, "winograd")
    x, w = absolute(case.x), absolute(case.w)
    parts = [winograd(x[..., i], w[..., o], case.settings["padding"], ABSOLUTE) for i, o in group_slices(case)]
    magnitude = np.concatenate(parts, axis=-1) + (0 if case.b is None else absolute(case.b))
    assert_close(y, reference.conv2d(*case.args64, relu=case.relu, **case.settings), magnitude, 4 * case.w.shape[2])


@pytest.mark.parametrize("channels", [1, 3, 17])
def test_a_7x7_window_of_stride_2_has_the_same_bits_for_any_threads_and_slices_and_the_input_gradient_of_direct(isa, threads, channels):
    case = conv_case((2, 61, 40, channels), (7, 7, channels, 33), padding=(3, 3), stride=(2, 2), x_pads=(2, 3), out_pads=(4, 1))
    threads(1)
    y = np.array(run_forward(case, "winograd"))
    dw = native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm="winograd", **case.settings)
    exact = winograd(case.x.astype(np.float64), case.w.astype(np.float64), (3, 3)) + (0 if case.b is None else case.b)
    assert np.allclose(y, exact, atol=1e-5 * np.abs(exact).max())
    for n in (2, 3):
        threads(n)
        assert same_bits(np.array(run_forward(case, "winograd")), y)
        assert same_bits(native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm="winograd", **case.settings), dw)
    dx = [native.conv2d_input(case.x.shape, case.w, case.dy, algorithm=name, **case.settings) for name in ("winograd", "direct", "auto")]
    assert same_bits(dx[0], dx[1]) and same_bits(dx[0], dx[2])


@given(case=cases)
def test_winograd_input_gradient_matches_the_float64_reference(isa, case):
    with unchanged(case.w, case.dy):
        dx = native.conv2d_input(case.x.shape, case.w, case.dy, algorithm="winograd", **case.settings)
    w, dy = absolute(case.w)[::-1, ::-1].transpose(0, 1, 3, 2), absolute(case.dy)
    padding = tuple(len(w) - 1 - p for p in case.settings["padding"])
    if min(padding) < 0:  # crop instead
        top, left = (max(-p, 0) for p in padding)
        dy, padding = dy[:, top : dy.shape[1] - top, left : dy.shape[2] - left], tuple(max(p, 0) for p in padding)
    magnitude = np.concatenate([winograd(dy[..., o], w[:, :, o], padding, ABSOLUTE) for _, o in group_slices(case)], axis=-1)
    exact = reference.conv2d_input(case.x.shape, case.w.astype(np.float64), case.dy64, **case.settings)
    assert_close(dx, exact, magnitude, case.w.shape[3])


@given(case=st.one_of(cases, conv_cases(windows=st.just((7, 7)), strides=st.just((2, 2)), plain=True)))
def test_winograd_weight_gradient_matches_the_float64_reference(isa, case):
    with unchanged(case.x, case.dy):
        dw = native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm="winograd", **case.settings)
    x, dy = absolute(case.x), absolute(case.dy)
    parts = [winograd_weight(x[..., i], dy[..., o], case.settings["padding"], len(case.w), ABSOLUTE) for i, o in group_slices(case)]
    exact = reference.conv2d_weight(case.x.astype(np.float64), case.w.shape, case.dy64, **case.settings)
    side = {3: 4, 5: 2, 7: 3}[len(case.w)]
    tiles = case.dy.shape[0] * -(-case.dy.shape[1] // side) * -(-case.dy.shape[2] // side)
    assert_close(dw, exact, np.concatenate(parts, axis=-1), tiles)


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("shape, pads", [
    ((3, 13, 9, 35), (0, 0)), ((1, 30, 30, 8), (3, 5)), ((20, 7, 7, 33), (1, 1)), ((1, 14, 14, 33), (0, 2)), ((1, 7, 7, 20), (0, 0)),
])  # fmt: skip
def test_bits_do_not_depend_on_the_number_of_threads(isa, threads, shape, pads, taps):
    case = conv_case(shape, (taps, taps, shape[3], 40), padding=(1, 1), x_pads=pads, dy_pads=pads, out_pads=pads)

    def results():
        return [np.array(run_forward(case, "winograd")),
                native.conv2d_input(case.x.shape, case.w, case.dy, algorithm="winograd", **case.settings),
                native.conv2d_weight(case.x, case.w.shape, case.dy, algorithm="winograd", **case.settings)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        for name, a, b in zip(("y", "dx", "dw"), results(), expected, strict=True):
            assert same_bits(a, b), f"{name} differs with {n} threads"


def test_a_nan_comes_through_with_relu(isa):
    x, w = np.ones((1, 12, 12, 5), np.float32), np.ones((3, 3, 5, 20), np.float32)
    x[0, 5, 5, 2] = np.nan
    y = native.conv2d(x, w, padding=1, relu=True, algorithm="winograd")
    assert np.all(np.isnan(y[0, 4:7, 4:7])) and not np.any(np.isnan(y[0, 9:, 9:]))


@pytest.mark.parametrize("window, stride", [((3, 3), 2), ((7, 7), 1), ((3, 5), 1), ((1, 3), 1), ((3, 3), (1, 2)), ((5, 5), 2)])
def test_other_windows_and_strides_are_refused_by_name(native, window, stride):
    x, w = numbers(0, (1, 9, 9, 3)), numbers(1, (*window, 3, 4))
    with pytest.raises(ValueError, match=rf"`algorithm` is 'winograd', which does not support a {window[0]}x{window[1]} window"):
        native.conv2d(x, w, stride=stride, algorithm="winograd")


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("shape, cout", [((8, 28, 28, 32), 48), ((2, 5, 5, 300), 33), ((1, 56, 56, 20), 16)])
def test_the_algorithm_chosen_for_a_shape_is_as_right_as_any(isa, shape, cout, taps):
    """`auto` may choose any algorithm for each of the three; all of them stay within 1e-5 of the largest value."""
    case = conv_case(shape, (taps, taps, shape[3], cout), padding=(taps // 2,) * 2, x_pads=(2, 0))
    s = case.settings
    x, w, b = case.args64
    for ours, exact in (
        (native.conv2d(*case.args32, **s), reference.conv2d(x, w, b, **s)),
        (native.conv2d_input(x.shape, case.w, case.dy, **s), reference.conv2d_input(x.shape, w, case.dy64, **s)),
        (native.conv2d_weight(case.x, w.shape, case.dy, **s), reference.conv2d_weight(x, w.shape, case.dy64, **s)),
    ):
        assert np.max(np.abs(ours - exact)) <= 1e-5 * np.max(np.abs(exact))


@pytest.mark.parametrize("taps", [3, 5])
def test_a_slice_of_a_wider_map_gives_the_bits_of_a_dense_one(isa, taps):
    x, w = numbers(0, (2, 9, 9, 33)), numbers(1, (taps, taps, 33, 18))
    assert same_bits(native.conv2d(in_wider(x, 3, 4), w, algorithm="winograd"), native.conv2d(x, w, algorithm="winograd"))


@pytest.mark.parametrize("n, side, taps", [(1, 2, 3), (6, 4, 3), (6, 2, 5)])
@pytest.mark.parametrize("large", [1e5, np.nan, np.inf], ids=str)
def test_a_large_value_or_a_nan_reaches_no_further_than_the_outputs_of_its_tiles(isa, n, side, taps, large):
    """docs/kernels.md: beyond the windows over the value, at most `side` - 1 pixels, with an error of 50 u times value times weight;
    `direct` keeps it within the windows."""
    case = conv_case((n, 12, 12, 16), (taps, taps, 16, 8), padding=(taps // 2, taps // 2), bias=False)
    assert side_of(*case.dy.shape[:3], taps) == side
    x, row, column = case.x.copy(), 5, 6
    x[0, row, column, 3] = large
    settings = {"padding": taps // 2}
    rows, columns = np.abs(np.arange(12) - row)[:, None], np.abs(np.arange(12) - column)
    distance = np.maximum(rows, columns)
    for algorithm, reach in (("winograd", taps // 2 + side - 1), ("direct", taps // 2)):
        before = native.conv2d(case.x, case.w, algorithm=algorithm, **settings)
        y = native.conv2d(x, case.w, algorithm=algorithm, **settings)
        untouched = distance > reach
        assert same_bits(y[1:], before[1:]) and same_bits(y[0][untouched], before[0][untouched])
        beside = (distance > taps // 2) & ~untouched
        error = np.abs(y[0][beside].astype(np.float64) - before[0][beside])
        assert not np.isfinite(large) or np.all(error <= 50 * U * large * np.abs(case.w[:, :, 3]).max())
