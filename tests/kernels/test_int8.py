"""Kernels of bytes: every bit of the reference on every instruction set, and the reference against plain integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog import kernels
from minigoog.kernels.native import int8 as native
from minigoog.kernels.native import machine
from minigoog.kernels.reference import int8 as reference
from tests.kernels.guard import guarded
from tests.kernels.judge import same_bits

ARRAYS = ((2, 9, 8, 13), (3, 3, 13, 21))


@pytest.fixture(params=machine.available_isas())
def isa(request):
    before = machine.isa()
    machine.set_isa(request.param)
    yield request.param
    machine.set_isa(before)


def codes(seed, shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def arguments(seed, x_shape, w_shape):
    """x, w, bias and factors by which most sums are between the limits."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-127, 128, w_shape).astype(np.int8)
    bias = rng.integers(-9_999, 9_999, w_shape[-1]).astype(np.int32)
    factors = (rng.uniform(0.5, 2, w_shape[-1]) / (60 * np.sqrt(np.prod(w_shape[:3]) + 1))).astype(np.float32)
    return codes([seed, 1], x_shape), w, bias, factors


@st.composite
def cases(draw):
    """(x shape, w shape, settings): runs of all lengths modulo a word, all tiles, strides, padding, dilation, groups."""
    kh, kw, groups = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.sampled_from([1, 1, 2]))
    cin, cout = draw(st.integers(1, 20)), draw(st.sampled_from([1, 3, 8, 16, 17, 31, 33, 70]))
    dilation, padding = draw(st.integers(1, 2)), draw(st.integers(0, 3))
    h, w = (draw(st.integers((k - 1) * dilation + 1, 12)) for k in (kh, kw))
    settings = {"stride": draw(st.integers(1, 3)), "padding": padding, "dilation": dilation, "groups": groups,
                "fill": draw(st.sampled_from([0, 117])), "to_float": draw(st.booleans())}
    return (draw(st.integers(0, 2)), h, w, cin * groups), (kh, kw, cin, cout * groups), settings


@given(cases(), st.integers(0, 99))
def test_convolutions_have_the_bits_of_the_reference(case, seed):
    x_shape, w_shape, settings = case
    given_, before = arguments(seed, x_shape, w_shape), machine.isa()
    expected = reference.int8_conv2d(*given_, **settings)
    for name in machine.available_isas():
        machine.set_isa(name)
        assert same_bits(native.int8_conv2d(*given_, **settings), expected)
    machine.set_isa(before)


@given(st.sampled_from([1, 3]), *[st.integers(*ends) for ends in ((1, 2), (3, 17), (3, 17), (1, 35), (1, 40), (0, 1), (0, 99))])
def test_pairs_have_the_bits_of_the_reference(kernel, n, h, width, words, cout, padding, seed):
    given_, before = arguments(seed, (n, h, width, 4 * words), (kernel, kernel, 4 * words, cout)), machine.isa()
    expected = reference.int8_conv2d(*given_, padding=padding)
    for name in machine.available_isas():
        machine.set_isa(name)
        assert same_bits(native.int8_conv2d(*given_, padding=padding, algorithm="pairs"), expected)
    machine.set_isa(before)


@pytest.mark.parametrize(("kernel", "shape"), [(3, (1, 34, 35, 128)), (3, (3, 18, 18, 192)), (1, (1, 20, 30, 8))])
@pytest.mark.parametrize("threads", [1, 3])
def test_pairs_of_several_chunks_have_the_bits_of_the_reference(isa, kernel, shape, threads):
    """Chunks have V_WORDS (int8_pairs.c): 56 tiles of 128 channels, 37 of 192; or 224 pixels."""
    given_, before = arguments(7, shape, (kernel, kernel, shape[3], 40)), machine.threads()
    kernels.set_num_threads(threads)
    try:
        assert same_bits(native.int8_conv2d(*given_, algorithm="pairs"), reference.int8_conv2d(*given_))
    finally:
        kernels.set_num_threads(before)


@pytest.mark.parametrize("sign", [1, -1])
def test_winograd_is_exact_up_to_the_largest_sums(isa, sign):
    """131,585 = 1,036 * 127 + 13: 255 times that is the largest sum below 2^25. All pixels are 255, or they alternate with 0."""
    weights = np.full(9 * 116, 127)
    weights[1036], weights[1037:] = 13, 0
    w = np.zeros((3, 3, 116, 5), np.int8)
    w[...] = (sign * weights).astype(np.int8).reshape(3, 3, 116, 1)
    assert 255 * int(np.abs(w[..., 0].astype(int)).sum()) == 2**25 - 257
    x = np.full((1, 9, 9, 116), 255, np.uint8)
    x[:, ::2, 5:] = 0
    rest = np.zeros(5, np.int32), np.full(5, 127.5 / 2**25, np.float32)
    for image in (x, 255 - x, x[:, ::-1]):
        image = np.ascontiguousarray(image)
        assert same_bits(native.int8_conv2d(image, w, *rest, algorithm="pairs"), reference.int8_conv2d(image, w, *rest))


def test_pairs_refuse_what_they_cannot_compute_exactly():
    x, w, bias, factors = arguments(0, (1, 6, 6, 120), (3, 3, 120, 4))
    large = np.full_like(w, 127)
    for refused, settings in ((large, {}), (w, {"stride": 2}), (w, {"to_float": True}), (w[:, :, :60], {"groups": 2}), (w[:2], {})):
        with pytest.raises(ValueError, match="`algorithm` is 'pairs', which supports 1x1 windows, or 3x3"):
            native.int8_conv2d(x, refused, bias, factors, algorithm="pairs", **settings)
        by_auto = native.int8_conv2d(x, refused, bias, factors, **settings)
        assert same_bits(by_auto, reference.int8_conv2d(x, refused, bias, factors, **settings))
    with pytest.raises(ValueError, match="expected one of auto, direct, pairs"):
        native.int8_conv2d(x, w, bias, factors, algorithm="fft")


def test_the_reference_sums_as_plain_integers_do():
    x, w, bias, factors = arguments(0, (1, 4, 5, 3), (2, 3, 3, 4))
    y = reference.int8_conv2d(x, w, bias, factors)
    for i, j, o in np.ndindex(*y.shape[1:]):
        total = int(bias[o]) + sum(int(x[0, i + a, j + b, c]) * int(w[a, b, c, o]) for a, b, c in np.ndindex(2, 3, 3))
        product = np.float32(total) * factors[o]
        assert y[0, i, j, o] == min(max(round(float(product)), 0), 255)  # round(): ties to even


def test_pairs_of_large_products_do_not_saturate(isa):
    """255 * 127 + 255 * 127 does not fit 16 bits: pmaddubsw gives 32,767 for it."""
    x, w = np.full((1, 1, 1, 288), 255, np.uint8), np.full((1, 1, 288, 40), 127, np.int8)
    settings = {"limits": (-1e9, 1e9), "to_float": True}
    for sign in (1, -1):
        y = native.int8_conv2d(x, sign * w, np.zeros(40, np.int32), np.ones(40, np.float32), **settings)
        assert np.all(y == sign * 288 * 255 * 127)


def test_ties_go_to_the_even_code(isa):
    x, w = np.arange(1, 10, 2, np.uint8).reshape(1, 1, 5, 1), np.ones((1, 1, 1, 3), np.int8)
    y = native.int8_conv2d(x, w, np.zeros(3, np.int32), np.full(3, 0.5, np.float32))
    assert y[0, 0, :, 0].tolist() == [0, 2, 2, 4, 4]  # .5, 1.5, 2.5, 3.5, 4.5
    halves = (np.arange(-3, 4) + 0.5).astype(np.float32)
    assert native.quantize(halves, 1.0, 10).tolist() == [8, 8, 10, 10, 12, 12, 14]


def test_codes_stay_within_the_limits(isa):
    x, w = np.full((1, 2, 2, 4), 200, np.uint8), np.concatenate([np.full((1, 1, 4, 1), s, np.int8) for s in (-100, 100, 1)], -1)
    y = native.int8_conv2d(x, w, np.zeros(3, np.int32), np.full(3, 0.1, np.float32), limits=(2, 77.5))
    assert y[0, 0, 0].tolist() == [2, 78, 78]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_bits_do_not_depend_on_the_number_of_threads(threads):
    given_, before = arguments(3, (2, 40, 40, 12), (3, 3, 12, 70)), machine.threads()
    expected = reference.int8_conv2d(*given_, padding=1)
    kernels.set_num_threads(threads)
    try:
        for algorithm in ("direct", "pairs"):
            assert same_bits(native.int8_conv2d(*given_, padding=1, algorithm=algorithm), expected)
    finally:
        kernels.set_num_threads(before)


def test_slices_of_wider_maps_are_read_and_written(isa):
    x, w, bias, factors = arguments(5, (2, 6, 7, 9), (3, 3, 9, 19))
    wide, whole = codes(6, (2, 6, 7, 20)), np.full((2, 4, 5, 30), 7, np.uint8)
    wide[..., 5:14] = x
    native.int8_conv2d(wide[..., 5:14], w, bias, factors, out=whole[..., 4:23])
    assert same_bits(whole[..., 4:23].copy(), reference.int8_conv2d(x, w, bias, factors))
    assert np.all(whole[..., :4] == 7) and np.all(whole[..., 23:] == 7)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 3, 1), (2, 3, 5, 3), (1, 4, 4, 7), (1, 3, 3, 16), (1, 2, 2, 70)])
def test_nothing_is_read_or_written_beside_the_maps(isa, side, shape):
    x, y = guarded(shape, side, np.uint8), guarded((*shape[:3], 5), side, np.uint8)
    x[...] = codes(0, shape)
    w, bias, factors = arguments(1, shape, (1, 1, shape[3], 5))[1:]
    assert same_bits(native.int8_conv2d(x, w, bias, factors, out=y), reference.int8_conv2d(x, w, bias, factors))
    pooled = guarded((*shape[:1], 1, 1, shape[3]), side, np.uint8)
    assert same_bits(native.int8_max_pool2d(x, shape[1:3], out=pooled), reference.int8_max_pool2d(x, shape[1:3]))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(("kernel", "shape"), [(3, (1, 3, 3, 4)), (3, (2, 7, 4, 28)), (3, (1, 6, 9, 64)), (1, (2, 3, 5, 44))])
def test_pairs_read_and_write_nothing_beside_the_maps(isa, side, kernel, shape):
    n, h, width, cin = shape
    x, y = guarded(shape, side, np.uint8), guarded((n, h - kernel + 1, width - kernel + 1, 21), side, np.uint8)
    x[...] = codes(0, shape)
    rest = arguments(1, shape, (kernel, kernel, cin, 21))[1:]
    native.int8_conv2d(x, *rest, algorithm="pairs", out=y)
    assert same_bits(y, reference.int8_conv2d(x, *rest))


def test_values_become_codes_and_codes_values(isa):
    x = np.random.default_rng(1).standard_normal((2, 5, 7, 19)).astype(np.float32)
    x[0, 0, 0, :5] = [np.nan, np.inf, -np.inf, 0, 1e-40]
    for zero in (0, 100, 255):
        q = native.quantize(x, 0.02, zero)
        assert same_bits(q, reference.quantize(x, 0.02, zero))
        assert q[0, 0, 0, :4].tolist() == [zero, 255, 0, zero]
        assert same_bits(native.dequantize(q, 0.02, zero), reference.dequantize(q, 0.02, zero))


@given(st.integers(0, 2), st.integers(1, 5), st.integers(1, 40), st.integers(1, 4), st.tuples(*[st.integers(0, 3)] * 4), st.integers(0, 99))
def test_images_become_codes_of_each_channel(n, h, width, c, sides, seed):
    rng, before = np.random.default_rng(seed), machine.isa()
    x, scales, zeros = rng.standard_normal((n, h, width, c)).astype(np.float32), rng.uniform(0.005, 0.03, c), rng.uniform(0, 255, c)
    x.reshape(-1)[:3] = [np.nan, np.inf, -np.inf][: x.size]
    expected = reference.quantize_image(x, scales, zeros, sides)
    for name in machine.available_isas():
        machine.set_isa(name)
        assert same_bits(native.quantize_image(x, scales, zeros, sides), expected)
    machine.set_isa(before)


def test_bytes_of_which_a_mean_was_subtracted_become_the_same_bytes(isa):
    pixels, means, deviations = codes(1, (1, 7, 19, 3)), np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    x = ((pixels - means) / deviations).astype(np.float32)
    assert same_bits(native.quantize_image(x, 1 / deviations, means), pixels)
    found = native.quantize_image(x, 1 / deviations, means, (1, 2, 0, 3))
    assert found[0, 0, 0].tolist() == found[0, 4, -1].tolist() == [124, 116, 104] and same_bits(found[:, 1:, 2:-3].copy(), pixels)


@pytest.mark.parametrize("module", [native, reference], ids=["native", "reference"])
def test_wrong_images_are_named(module):
    x, ones = np.zeros((1, 2, 2, 3), np.float32), np.ones(3)
    with pytest.raises(ValueError, match="quantize_image: `x` has 5 channels, expected 1 to 4"):
        module.quantize_image(np.zeros((1, 2, 2, 5), np.float32), ones, ones)
    with pytest.raises(ValueError, match=r"quantize_image: `zeros` has shape \(2,\), expected \(3,\)"):
        module.quantize_image(x, ones, ones[:2])
    with pytest.raises(ValueError, match="quantize_image: `scales` are .* expected positive numbers, and numbers from 0 to 255"):
        module.quantize_image(x, ones, 256 * ones)


WINDOWS = [((3, 3), {"stride": 2, "ceil_mode": True}), ((3, 3), {"padding": 1, "stride": 1}), ((2, 5), {"dilation": 2}), ((9, 8), {})]


@pytest.mark.parametrize(("size", "settings"), WINDOWS)
@pytest.mark.parametrize("channels", [1, 13, 300])
def test_pools_have_the_bits_of_the_reference(isa, size, settings, channels):
    x = codes(2, (2, 9, 10, channels + 4))[..., 4:]
    assert same_bits(native.int8_max_pool2d(x, size, **settings), reference.int8_max_pool2d(x, size, **settings))
    for count in (False, True):
        how = settings | {"count_include_pad": count}
        assert same_bits(native.int8_avg_pool2d(x, 0.3, size, **how), reference.int8_avg_pool2d(x, 0.3, size, **how))


@pytest.mark.parametrize("kernels", [native, reference])
def test_a_sum_that_an_int32_does_not_hold_is_refused(kernels):
    with pytest.raises(ValueError, match=r"int8_avg_pool2d: `kernel_size` is \(4096, 2048\), expected fewer than 8,388,608 pixels"):
        kernels.int8_avg_pool2d(np.zeros((1, 4096, 2048, 1), np.uint8), 1.0, (4096, 2048))


def test_weights_are_rounded_for_each_channel():
    w = np.random.default_rng(0).standard_normal((3, 3, 4, 6)) * 10.0 ** np.arange(-3, 3)
    w[..., 2] = 0
    q, scales = reference.quantize_weights(w.astype(np.float32))
    assert np.abs(q.astype(int)).max((0, 1, 2)).tolist() == [127, 127, 0, 127, 127, 127]
    assert np.all(np.abs(q * scales - w) <= 0.5001 * scales)


@pytest.mark.parametrize("module", [native, reference], ids=["native", "reference"])
def test_wrong_arguments_are_named(module):
    x, w, bias, factors = arguments(0, *ARRAYS)
    with pytest.raises(TypeError, match="int8_conv2d: `x` is float32, expected uint8"):
        module.int8_conv2d(x.astype(np.float32), w, bias, factors)
    with pytest.raises(ValueError, match=r"int8_conv2d: `bias` has shape \(20,\), expected \(21,\)"):
        module.int8_conv2d(x, w, bias[:20], factors)
    with pytest.raises(ValueError, match=r"int8_conv2d: sums of 255 times `w`, and `bias`, may reach \d+, expected at most 2147483647"):
        module.int8_conv2d(x, w, np.full(21, 2**31 - 5, np.int32), factors)
    with pytest.raises(ValueError, match="int8_conv2d: `limits` are"):
        module.int8_conv2d(x, w, bias, factors, limits=(3, 2))
    for limits in ((-1, 255), (0, 256), (0, np.inf)):
        with pytest.raises(ValueError, match="int8_conv2d: `limits` are .*, expected the lower one first and codes, from 0 to 255"):
            module.int8_conv2d(x, w, bias, factors, limits=limits)
    with pytest.raises(ValueError, match="quantize: `scale` is 0"):
        module.quantize(np.zeros((1, 2), np.float32), 0.0)
    with pytest.raises(ValueError, match="dequantize: `zero` is 256"):
        module.dequantize(x, 1.0, 256)


def test_the_peak_counts_the_operations_of_all_its_rounds(isa):
    lib, current = machine.lib, machine.current()
    assert lib.mg_int8_peak(3, current) == 3 * lib.mg_int8_peak(1, current) > 0
