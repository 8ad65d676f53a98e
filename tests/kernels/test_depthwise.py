"""Depthwise convolution: every instruction set and number of threads against float64, on random windows, and the same bits on all."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.kernels.judge import same_bits
from tests.kernels.test_conv import all_results, check_forward, check_input, check_weight
from tests.strategies import LARGEST, batches, conv_case, dilations, numbers, pads, seeds, sizes, strides, windows

if native is None:
    pytest.skip("the C kernels are not in use", allow_module_level=True)

channels = st.one_of(st.integers(2, 9), st.sampled_from([15, 16, 17, 31, 32, 33, 40, 63, 64, 65]), st.integers(2, 140))


@st.composite
def depthwise_cases(draw, whole=False):
    """Depthwise convolutions of every kind: windows that lie in the padding, or step over the map, empty batches, slices."""
    (kh, kw), stride, dilation = draw(windows), draw(strides), draw(dilations)
    padding = draw(st.tuples(*(st.integers(0, k + 2) for k in (kh, kw, kh, kw))))
    n, h, w, c = draw(batches), draw(sizes), draw(sizes), draw(channels)
    h, w = (max(size, (k - 1) * d + 1 - before - after) for size, k, d, before, after in
            zip((h, w), (kh, kw), dilation, padding[:2], padding[2:], strict=True))
    assume(n * (h + sum(padding[::2])) * (w + sum(padding[1::2])) * kh * kw * c < LARGEST)
    x_pads, dy_pads, out_pads = (draw(st.one_of(st.just((0, 0)), pads)) for _ in range(3))
    return conv_case((n, h, w, c), (kh, kw, 1, c), stride=stride, padding=padding, dilation=dilation, groups=c, bias=draw(st.booleans()),
                     relu=draw(st.booleans()), x_pads=x_pads, dy_pads=dy_pads, out_pads=out_pads, seed=draw(seeds), whole=whole)


def mobilenet(size, c, k, stride, padding, **more):
    """A layer of a MobileNet."""
    return conv_case((2, size, size, c), (k, k, 1, c), stride=(stride, stride), padding=padding, groups=c, **more)


FIXED = {
    "3x3": mobilenet(14, 40, 3, 1, (1, 1), relu=True),
    "3x3/2, padding on two sides": mobilenet(14, 24, 3, 2, (0, 0, 1, 1)),
    "5x5/2 from a slice to a slice": mobilenet(15, 18, 5, 2, (2, 2), x_pads=(1, 3), dy_pads=(2, 0), out_pads=(4, 1)),
    "7x7 map": mobilenet(7, 160, 5, 1, (2, 2)),
    "two channels": mobilenet(9, 2, 3, 1, (1, 1)),
    "a window that steps over the map": conv_case((1, 1, 2, 20), (2, 2, 1, 20), padding=(1, 2, 1, 2), dilation=(2, 3), groups=20),
    "windows in the padding": conv_case((1, 2, 1, 9), (2, 2, 1, 9), stride=(1, 2), padding=(4, 5, 3, 4), groups=9, relu=True),
    "a map under the padding": conv_case((1, 1, 1, 9), (1, 1, 1, 9), stride=(4, 4), padding=(5, 5, 1, 1), groups=9),
    "long rows": conv_case((1, 2, 700, 5), (1, 3, 1, 5), padding=(0, 1), groups=5),
    "many rows": conv_case((3, 700, 3, 17), (3, 1, 1, 17), padding=(1, 0), groups=17),
    "empty batch": conv_case((0, 4, 4, 8), (3, 3, 1, 8), groups=8),
}
fixed_cases = pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)


@pytest.mark.parametrize("k", [3, 5])
def test_every_width_of_map_has_all_its_columns(isa, k):
    """Rows end with less than a slide: one, two, ... columns after whole ones."""
    for width in range(1, 42):
        case = conv_case((1, 3, width, 17), (k, k, 1, 17), padding=(k // 2, k // 2), groups=17, seed=width)
        check_forward(case, "depthwise")
        check_input(case, "depthwise")


@fixed_cases
def test_every_kind_of_layer_matches_the_float64_reference_forward_and_backward(isa, case):
    check_forward(case, "depthwise")
    check_input(case, "depthwise")
    check_weight(case, "depthwise")


@settings(max_examples=60)
@given(case=depthwise_cases())
def test_it_and_its_gradients_match_the_float64_reference(isa, case):
    check_forward(case, "depthwise")
    check_input(case, "depthwise")
    check_weight(case, "depthwise")


@settings(max_examples=30)
@given(case=depthwise_cases(whole=True))
def test_whole_numbers_give_the_results_of_the_other_algorithms(isa, case):
    for mine, theirs in zip(all_results(case, "depthwise"), all_results(case, "direct"), strict=True):
        assert np.array_equal(mine, theirs)


@settings(max_examples=30)
@given(case=depthwise_cases(), n=st.integers(2, 7))
def test_bits_depend_neither_on_the_number_of_threads_nor_on_the_width_of_vectors(case, n):
    machine = native.machine
    before, found = (machine.isa(), machine.threads()), []
    try:
        for isa in set(machine.available_isas()) - {"plain"}:  # which rounds each product
            machine.set_isa(isa)
            for threads in (1, n):
                machine.set_threads(threads)
                found.append(all_results(case, "depthwise"))
    finally:
        machine.set_isa(before[0])
        machine.set_threads(before[1])
    assert all(same_bits(a, b) for results in found[1:] for a, b in zip(results, found[0], strict=True))


def test_an_image_has_the_same_bits_in_a_batch_of_any_size():
    case = FIXED["3x3"]
    alone = native.conv2d(case.x[1:].copy(), case.w, case.b, **case.settings)
    assert same_bits(alone[0], np.ascontiguousarray(native.conv2d(*case.args32, **case.settings)[1]))


def test_it_is_chosen_where_each_of_several_channels_is_a_group(isa):
    x, w = numbers(0, (1, 6, 6, 5)), numbers(1, (3, 3, 1, 5))
    assert same_bits(native.conv2d(x, w, groups=5), native.conv2d(x, w, groups=5, algorithm="depthwise"))
    for wrong, groups in ((numbers(2, (3, 3, 1, 10)), 5), (numbers(2, (3, 3, 5, 5)), 1)):
        assert np.allclose(native.conv2d(x, wrong, groups=groups), reference.conv2d(x, wrong, groups=groups), atol=1e-5)
        with pytest.raises(ValueError, match=f"`algorithm` is 'depthwise', which does not support a 3x3 window .* in {groups} groups"):
            native.conv2d(x, wrong, groups=groups, algorithm="depthwise")


def test_padding_is_not_read(isa):
    """An infinite weight makes no NaN of a zero that is not there."""
    x, w = np.ones((1, 4, 4, 9), np.float32), np.ones((3, 3, 1, 9), np.float32)
    w[0, 0] = np.inf
    y = native.conv2d(x, w, padding=1, groups=9)
    assert np.all(np.isinf(y[0, 1:, 1:])) and np.array_equal(y[0, 0], np.repeat([[4.0], [6], [6], [4]], 9, 1))
