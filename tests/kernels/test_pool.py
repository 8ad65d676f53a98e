"""Pooling: every instruction set against float64, and float64 against loops and PyTorch."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from minigoog.kernels import native, reference
from tests.answers import asked
from tests.kernels.judge import SMALLEST, U, assert_sums_close, same_bits, unchanged
from tests.strategies import PoolCase, distinct, in_wider, numbers, pool_cases, pool_outputs, wide_out


def pool_case(x_shape, size, stride, padding=(0, 0), ceil_mode=False, x_pads=(0, 0), dy_pads=(0, 0), out_pads=(0, 0), dilation=(1, 1),
              count_include_pad=False):
    out = pool_outputs(x_shape[1:3], size, stride, padding, dilation, ceil_mode)
    return PoolCase(in_wider(distinct(0, x_shape), *x_pads), in_wider(numbers(1, (x_shape[0], *out, x_shape[3])), *dy_pads), size,
                    {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation}, out_pads, count_include_pad)


FIXED = {
    "GoogLeNet's pool1": pool_case((2, 28, 28, 17), (3, 3), (2, 2), ceil_mode=True),
    "Inception's branch": pool_case((2, 7, 7, 33), (3, 3), (1, 1), (1, 1), x_pads=(1, 2), dy_pads=(3, 0), out_pads=(5, 6)),
    "windows that leave gaps": pool_case((1, 11, 11, 16), (2, 3), (4, 5), ceil_mode=True),
    "window larger than the map": pool_case((2, 1, 2, 70), (4, 5), (3, 2), (2, 3), ceil_mode=True),
    "1x1": pool_case((1, 1, 1, 1), (1, 1), (1, 1)),
    "the whole map": pool_case((3, 7, 7, 40), (7, 7), (7, 7)),
    "empty batch": pool_case((0, 5, 5, 3), (3, 3), (2, 2)),
    "enough work for threads": pool_case((3, 20, 20, 64), (3, 3), (1, 1), (1, 1)),
    "Caffe2's padding": pool_case((2, 14, 14, 20), (3, 3), (2, 2), (0, 0, 1, 1)),
    "dilated": pool_case((2, 11, 10, 9), (3, 2), (2, 1), (1, 0, 2, 1), dilation=(2, 3), ceil_mode=True, x_pads=(1, 2),
                         count_include_pad=True),
    "counted padding": pool_case((2, 9, 8, 17), (3, 4), (2, 3), (2, 1, 0, 3), ceil_mode=True, count_include_pad=True, dy_pads=(2, 1)),
}
fixed_cases = pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)


def target(case):
    """(whole, out or None): where a result shall be written."""
    whole, out = wide_out(case.dy.shape, *case.out_pads)
    return whole, out if any(case.out_pads) else None


def assert_rest_untouched(whole, case):
    left, c = case.out_pads[0], case.dy.shape[-1]
    if any(case.out_pads):
        assert np.all(whole[..., :left] == -7) and np.all(whole[..., left + c :] == -7), "wrote beside the slice"


def check_max(case):
    whole, out = target(case)
    with unchanged(case.x):
        y, index = native.max_pool2d(case.x, case.size, out=out, **case.settings)
    y64, index64 = reference.max_pool2d(case.x64, case.size, **case.settings)
    assert np.array_equal(y, y64) and np.array_equal(index, index64) and index.dtype == index64.dtype == np.uint16
    assert_rest_untouched(whole, case)
    alone, nothing = native.max_pool2d(case.x, case.size, with_index=False, **case.settings)
    assert nothing is None and same_bits(alone, np.ascontiguousarray(y))
    with unchanged(index, case.dy):
        dx = native.max_pool2d_backward(case.x.shape, index, case.dy, case.size, **case.settings)
    exact = reference.max_pool2d_backward(case.x.shape, index, case.dy64, case.size, **case.settings)
    magnitude = reference.max_pool2d_backward(case.x.shape, index, np.abs(case.dy64), case.size, **case.settings)
    assert_sums_close(dx, exact, magnitude, np.prod(case.size))


def check_avg(case):
    whole, out = target(case)
    with unchanged(case.x):
        y = native.avg_pool2d(case.x, case.size, out=out, **case.averages)
    magnitude = reference.avg_pool2d(np.abs(case.x64), case.size, **case.averages)
    assert_sums_close(y, reference.avg_pool2d(case.x64, case.size, **case.averages), magnitude, np.prod(case.size))
    assert_rest_untouched(whole, case)
    with unchanged(case.dy):
        dx = native.avg_pool2d_backward(case.x.shape, case.dy, case.size, **case.averages)
    exact = reference.avg_pool2d_backward(case.x.shape, case.dy64, case.size, **case.averages)
    magnitude = reference.avg_pool2d_backward(case.x.shape, np.abs(case.dy64), case.size, **case.averages)
    assert_sums_close(dx, exact, magnitude, np.prod(case.size))


@fixed_cases
def test_every_kind_of_pool_matches_the_float64_reference_forward_and_backward(isa, case):
    check_max(case)
    check_avg(case)


@given(case=pool_cases())
def test_max_pool_and_its_gradient_match_the_float64_reference(isa, case):
    check_max(case)


@given(case=pool_cases())
def test_average_pool_and_its_gradient_match_the_float64_reference(isa, case):
    check_avg(case)


@given(case=pool_cases())
def test_global_average_pool_and_its_gradient_match_numpy(isa, case):
    x = case.x
    h, w = x.shape[1:3]
    assert_sums_close(native.global_avg_pool2d(x), case.x64.mean(axis=(1, 2)), np.abs(case.x64).mean(axis=(1, 2)), h * w)
    assert np.allclose(reference.global_avg_pool2d(case.x64), case.x64.mean(axis=(1, 2)), rtol=1e-13)
    dy = np.ascontiguousarray(case.dy[:, 0, 0])
    exact = np.broadcast_to((dy.astype(np.float64) / (h * w))[:, None, None], x.shape)
    assert_sums_close(native.global_avg_pool2d_backward(x.shape, dy), exact, np.abs(exact), 1)
    assert np.allclose(reference.global_avg_pool2d_backward(x.shape, dy.astype(np.float64)), exact, rtol=1e-13)


# ---- the reference, judged by others ----


def windows_of(case):
    """(position of the output, slice of the map) of each window, by the definition: cut to the map."""
    (sh, sw), (ph, pw), (dh, dw) = case.settings["stride"], case.settings["padding"][:2], case.settings["dilation"]
    for oy, ox in np.ndindex(*case.dy.shape[1:3]):
        rows, cols = oy * sh - ph + np.arange(case.size[0]) * dh, ox * sw - pw + np.arange(case.size[1]) * dw
        inside = [pixels[(pixels >= 0) & (pixels < n)] for pixels, n in zip((rows, cols), case.x.shape[1:3], strict=True)]
        yield (oy, ox), np.ix_(range(len(case.x)), *inside), (rows, cols)


def divisor_of(case, pixels, inside):
    """By how much the mean of a window divides; pixels: its (rows, columns)."""
    if not case.count_include_pad:
        return len(inside[1].ravel()) * len(inside[2].ravel())
    after = (*case.settings["padding"], *case.settings["padding"])[2:4]
    return math.prod(int((pixels[i] < case.x.shape[1 + i] + after[i]).sum()) for i in range(2))


@settings(max_examples=30)
@given(case=pool_cases(max_channels=3))
def test_the_reference_is_the_definition_written_as_loops(case):
    y, _ = reference.max_pool2d(case.x64, case.size, **case.settings)
    mean = reference.avg_pool2d(case.x64, case.size, **case.averages)
    d_max, d_mean = np.zeros(case.x.shape), np.zeros(case.x.shape)
    for (oy, ox), inside, pixels in windows_of(case):
        window, divisor = case.x64[inside], divisor_of(case, pixels, inside)
        assert np.array_equal(y[:, oy, ox], window.max(axis=(1, 2)))
        assert np.allclose(mean[:, oy, ox], window.sum(axis=(1, 2)) / divisor, rtol=1e-13)
        dy = case.dy64[:, oy : oy + 1, ox : ox + 1]
        d_max[inside] += dy * (window == window.max(axis=(1, 2), keepdims=True))  # no ties: x is a permutation
        d_mean[inside] += dy / divisor
    index = reference.max_pool2d(case.x64, case.size, **case.settings)[1]
    assert np.allclose(reference.max_pool2d_backward(case.x.shape, index, case.dy64, case.size, **case.settings), d_max, atol=1e-13)
    assert np.allclose(reference.avg_pool2d_backward(case.x.shape, case.dy64, case.size, **case.averages), d_mean, atol=1e-13)


def drawn_pool(seed):
    """A small random pooling, with padding of at most half the window, which is PyTorch's limit."""
    rng = np.random.default_rng(seed)
    size, stride, h_w = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 9, 2)
    padding = rng.integers(0, size // 2 + 1)
    h_w = np.maximum(h_w, size - 2 * padding)
    size, stride, padding, h_w = (tuple(a.tolist()) for a in (size, stride, padding, h_w))
    return pool_case((1, *h_w, 2), size, stride, padding, ceil_mode=bool(seed % 2))


@asked("torch", *range(40))
def pytorchs_pools(seed):
    import torch

    case = drawn_pool(seed)
    x = torch.tensor(case.x64).permute(0, 3, 1, 2).requires_grad_()
    y, index = torch.nn.functional.max_pool2d(x, case.size, **case.settings, return_indices=True)
    y.backward(torch.tensor(case.dy64).permute(0, 3, 1, 2))
    window = {name: value for name, value in case.settings.items() if name != "dilation"}
    mean, counted = (torch.nn.functional.avg_pool2d(x.detach(), case.size, **window, count_include_pad=c) for c in (False, True))
    return {"all": np.concatenate([a.detach().permute(0, 2, 3, 1).numpy().ravel() for a in (y, index, x.grad, mean, counted)])}


@pytest.mark.parametrize("seed", range(40))
def test_the_reference_agrees_with_pytorch_where_pytorch_allows_the_padding(seed):
    case = drawn_pool(seed)
    y, index = reference.max_pool2d(case.x64, case.size, **case.settings)
    dx = reference.max_pool2d_backward(case.x.shape, index, case.dy64, case.size, **case.settings)
    mean, counted = (reference.avg_pool2d(case.x64, case.size, **case.settings, count_include_pad=c) for c in (False, True))
    found = np.concatenate([a.ravel() for a in (y, index, dx, mean, counted)])
    assert np.allclose(found, pytorchs_pools(seed)["all"], rtol=1e-12, atol=1e-13)


@given(case=pool_cases())
def test_average_pool_and_its_gradient_are_adjoint(case):
    y = reference.avg_pool2d(case.x64, case.size, **case.averages)
    dx = reference.avg_pool2d_backward(case.x.shape, case.dy64, case.size, **case.averages)
    size = (reference.avg_pool2d(np.abs(case.x64), case.size, **case.averages) * np.abs(case.dy64)).sum()
    assert abs((y * case.dy64).sum() - (case.x64 * dx).sum()) <= 1e-12 * size + SMALLEST


# PyTorch 2.13 on the CPU, ceil_mode=True, count_include_pad=False, square maps whose row i is i + 1: (size, kernel, stride, padding)
# -> (maxima, means) of the first column, or None where it refuses ("Output size is too small").
PYTORCH = {
    (1, 2, 2, 0): ([1], [1]), (2, 3, 2, 0): ([2], [1.5]), (1, 3, 2, 0): None, (1, 3, 3, 0): ([1], [1]), (2, 4, 2, 0): None,
    (2, 4, 3, 0): ([2], [1.5]), (2, 3, 2, 1): ([2, 2], [1.5, 2]), (1, 3, 2, 1): ([1], [1]), (3, 5, 2, 0): None,
    (3, 5, 3, 0): ([3], [2]), (6, 3, 2, 0): ([3, 5, 6], [2, 4, 5.5]), (5, 2, 3, 1): ([1, 4], [1, 3.5]), (4, 2, 3, 1): ([1, 4], [1, 3.5]),
    (1, 1, 5, 0): ([1], [1]), (4, 7, 4, 0): ([4], [2.5]), (4, 7, 3, 0): None,
}


@pytest.mark.parametrize("kernels", [native, reference], ids=["native", "reference"])
@pytest.mark.parametrize("problem", PYTORCH, ids=str)
def test_windows_of_ceil_mode_are_pytorchs(kernels, problem):
    n, size, stride, padding = problem
    x = np.repeat(np.arange(1, n + 1, dtype=np.float32), n).reshape(1, n, n, 1)
    how = {"stride": stride, "padding": padding, "ceil_mode": True}
    if PYTORCH[problem] is None:
        with pytest.raises(ValueError, match=f"the window's height {size} exceeds the map's {n} .* by the stride {stride} or more"):
            kernels.max_pool2d(x, size, **how)
        return
    maxima, means = PYTORCH[problem]
    assert np.array_equal(kernels.max_pool2d(x, size, **how)[0][0, :, 0, 0], maxima)
    assert np.array_equal(kernels.avg_pool2d(x, size, **how)[0, :, 0, 0], means)


# ---- corners ----


@pytest.mark.parametrize(("shape", "dtype"), [((1, 256, 256, 3), np.uint16), ((2, 257, 256, 5), np.int32)])
def test_an_index_is_as_short_as_the_number_of_pixels_allows(isa, shape, dtype):
    rng, window = np.random.default_rng(0), {"kernel_size": 3, "stride": 2, "padding": 1}
    x = rng.standard_normal(shape).astype(np.float32)
    (y, index), (y64, index64) = native.max_pool2d(x, **window), reference.max_pool2d(x.astype(np.float64), **window)
    assert index.dtype == index64.dtype == dtype and int(index.max()) > 2**16 - 600
    assert np.array_equal(y, y64) and np.array_equal(index, index64)
    dy = rng.integers(-9, 9, y.shape).astype(np.float32)  # whose sums are exact
    assert np.array_equal(native.max_pool2d_backward(shape, index, dy, **window), reference.max_pool2d_backward(shape, index, dy, **window))



@pytest.mark.parametrize("values", [
    [1, np.nan, 3, np.nan], [np.nan, 1, 2, 3], [1, 2, 3, np.nan], [-np.inf] * 4, [-np.inf, -np.inf, np.nan, 1], [2, 2, 1, 2],
    [np.inf, np.inf, 1, 0], [0.0, -0.0, -1, -2], [-0.0, 0.0, -1, -2], [-np.inf, -1, -1, -np.inf]], ids=str)
@pytest.mark.parametrize("padding", [0, 1])
def test_max_pool_agrees_on_nan_infinity_and_ties(isa, values, padding):
    """A NaN wins, the first of several; of equal values the first wins; -inf is a value and not padding."""
    x = np.repeat(np.array(values, np.float32).reshape(1, 2, 2, 1), 19, axis=-1)
    y, index = native.max_pool2d(x, 2, stride=1, padding=padding)
    y64, index64 = reference.max_pool2d(x.astype(np.float64), 2, stride=1, padding=padding)
    assert np.array_equal(y, y64, equal_nan=True) and np.array_equal(index, index64)
    whole = y[0, padding, padding, 0], index[0, padding, padding, 0]  # the window over all four
    first = next((i for i, v in enumerate(values) if v != v), values.index(max(v if v == v else -np.inf for v in values)))
    assert whole[1] == first and (whole[0] == values[first] or whole[0] != whole[0])


@pytest.mark.parametrize("channels", [1, 7, 9, 17, 33])
def test_a_nan_at_any_place_of_a_window_and_of_a_vector_wins_and_reaches_no_other_channel(isa, channels):
    for place, channel in np.ndindex(9, channels):
        x = numbers(0, (1, 3, 3, channels))
        x.reshape(9, channels)[place, channel] = np.nan
        for with_index in (True, False):
            y = native.max_pool2d(x, 3, with_index=with_index)[0]
            assert np.flatnonzero(np.isnan(y)).tolist() == [channel]
        assert np.array_equal(np.isnan(native.relu(x)), np.isnan(x))


def with_odd_values():
    x = numbers(0, (1, 9, 9, 5))
    x[0, 3, 3], x[0, 6:9, 6:9] = np.nan, -np.inf
    return x


@asked("torch")
def pytorchs_maxima():
    import torch

    x = torch.tensor(with_odd_values()).permute(0, 3, 1, 2)
    y, index = torch.nn.functional.max_pool2d(x, 3, 2, 1, ceil_mode=True, return_indices=True)
    return {"y": y.permute(0, 2, 3, 1).numpy(), "index": index.permute(0, 2, 3, 1).numpy()}


def test_max_pool_agrees_with_pytorch_on_nan_and_infinite_windows(isa):
    y, index = native.max_pool2d(with_odd_values(), 3, stride=2, padding=1, ceil_mode=True)
    theirs = pytorchs_maxima()
    assert np.array_equal(y, theirs["y"], equal_nan=True) and np.array_equal(index, theirs["index"])


@fixed_cases
def test_bits_do_not_depend_on_the_number_of_threads(isa, threads, case):
    def results():
        y, index = native.max_pool2d(case.x, case.size, **case.settings)
        return [y, index, native.max_pool2d_backward(case.x.shape, index, case.dy, case.size, **case.settings),
                native.avg_pool2d(case.x, case.size, **case.averages),
                native.avg_pool2d_backward(case.x.shape, case.dy, case.size, **case.averages),
                native.global_avg_pool2d(case.x)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        assert all(same_bits(a, b) for a, b in zip(results(), expected, strict=True)), f"{n} threads"


def test_the_mean_of_equal_values_is_that_value_to_two_roundings(isa):
    x = np.full((1, 7, 7, 3), 0.1, np.float32)
    assert np.all(np.abs(native.global_avg_pool2d(x) - np.float32(0.1)) <= 50 * U * 0.1)
