"""Convolution with sparse weights: every instruction set and both formats against float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from minigoog.kernels.sparse_pattern import REMEMBERED, SparsePattern
from tests.kernels.judge import absolute, assert_sums_close, same_bits, unchanged
from tests.kernels.sparse_cases import sparse_case, sparse_cases
from tests.strategies import conv_case, numbers, wide_out

FIXED = {
    "a single weight": sparse_case(conv_case((1, 1, 1, 1), (1, 1, 1, 1)), 1),
    "no weight": sparse_case(conv_case((2, 5, 5, 3), (3, 3, 3, 20), padding=(1, 1), relu=True), 0),
    "no weight in blocks": sparse_case(conv_case((2, 5, 5, 3), (3, 3, 3, 20), padding=(1, 1), out_pads=(1, 2)), 0, 16),
    "conv1 7x7/2": sparse_case(conv_case((2, 30, 30, 3), (7, 7, 3, 64), stride=(2, 2), padding=(3, 3), relu=True), 0.6),
    "more positions than a block": sparse_case(conv_case((3, 30, 33, 4), (3, 3, 4, 17), padding=(1, 1)), 0.3),
    "more padding than map": sparse_case(conv_case((2, 1, 2, 5), (3, 2, 5, 7), padding=(4, 3)), 0.5),
    "a 1x1 window in padding": sparse_case(conv_case((2, 3, 3, 5), (1, 1, 5, 7), padding=(2, 2)), 0.5),
    "stride larger than window": sparse_case(conv_case((2, 11, 10, 5), (2, 1, 5, 9), stride=(3, 4), padding=(1, 0)), 0.5),
    "long rows": sparse_case(conv_case((1, 3, 700, 2), (3, 5, 2, 3), padding=(1, 2)), 0.5),
    "many channels": sparse_case(conv_case((1, 4, 4, 600), (3, 3, 600, 5), padding=(1, 1)), 0.05),
    "parts of 1x1 channels": sparse_case(conv_case((2, 9, 7, 300), (1, 1, 300, 40), x_pads=(3, 5), out_pads=(4, 4), relu=True), 0.2),
    "parts of 3x3 channels": sparse_case(conv_case((2, 9, 7, 61), (3, 3, 61, 37), padding=(1, 1)), 0.2),
    "parts of stride 2": sparse_case(conv_case((2, 9, 14, 90), (5, 3, 90, 37), stride=(2, 2), padding=(2, 1)), 0.1),
    "empty batch": sparse_case(conv_case((0, 4, 4, 3), (3, 3, 3, 8)), 0.5),
    "empty batch in blocks": sparse_case(conv_case((0, 4, 4, 3), (3, 3, 3, 8)), 0.5, 16),
    "one vector of pixels": sparse_case(conv_case((3, 1, 1, 900), (1, 1, 900, 41)), 0.2),
    "one vector of pixels, long rows": sparse_case(conv_case((2, 1, 1, 4600), (1, 1, 4600, 9)), 0.9),
    "whole tiles of blocks": sparse_case(conv_case((2, 9, 9, 30), (1, 1, 30, 64), x_pads=(3, 5), out_pads=(4, 4), relu=True), 0.1, 32),
    "whole tiles of few blocks": sparse_case(conv_case((2, 9, 9, 30), (1, 1, 30, 192)), 0.002, 32),
    "slices": sparse_case(conv_case((2, 7, 7, 20), (1, 1, 20, 24), x_pads=(3, 5), dy_pads=(2, 1), out_pads=(4, 4)), 0.2),
    "slices in blocks": sparse_case(conv_case((2, 7, 7, 20), (3, 3, 20, 90), x_pads=(3, 5), dy_pads=(2, 1), out_pads=(4, 4)), 0.2, 48),
    "AlexNet's groups": sparse_case(conv_case((1, 8, 8, 12), (5, 5, 6, 34), padding=(2, 2), groups=2), 0.5),
}
fixed_cases = pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)


def run_forward(case, algorithm="auto"):
    """The native result, written to a slice of a wider array whose other channels must stay as they were."""
    dense, values = case.dense, case.values
    whole, out = wide_out(dense.dy.shape, *dense.out_pads)
    with unchanged(dense.x, values, dense.b):
        y = native.sparse_conv2d(dense.x, values, dense.b, pattern=case.pattern, relu=dense.relu, algorithm=algorithm,
                                 out=out if any(dense.out_pads) else None, **case.settings)
    left, channels = dense.out_pads[0], dense.dy.shape[-1]
    assert np.all(whole[..., :left] == -7) and np.all(whole[..., left + channels :] == -7), "wrote beside the slice"
    return y


def exact_forward(case):
    """In float64, with the dense weights."""
    x, _, b = case.dense.args64
    w = case.pattern.scatter(case.values).astype(np.float64)
    return reference.conv2d(x, w, b, relu=case.dense.relu, **case.settings)


def check_forward(case, algorithm="auto"):
    w = absolute(case.pattern.scatter(case.values))
    magnitude = reference.conv2d(absolute(case.dense.x), w, absolute(case.dense.b), **case.settings)
    assert_sums_close(run_forward(case, algorithm), exact_forward(case), magnitude, case.largest_row + 1)


def check_input(case):
    dense, values = case.dense, case.values
    with unchanged(values, dense.dy):
        dx = native.sparse_conv2d_input(dense.x.shape, values, dense.dy, pattern=case.pattern, **case.settings)
    w = case.pattern.scatter(values)
    exact = reference.conv2d_input(dense.x.shape, w.astype(np.float64), dense.dy64, **case.settings)
    magnitude = reference.conv2d_input(dense.x.shape, absolute(w), absolute(dense.dy), **case.settings)
    assert_sums_close(dx, exact, magnitude, int(np.diff(case.pattern.flipped[0].crow_indices).max()))


def check_weight(case):
    dense, pattern = case.dense, case.pattern
    with unchanged(dense.x, dense.dy):
        dvalues = native.sparse_conv2d_weight(dense.x, pattern, dense.dy, **case.settings)
    exact, magnitude = (pattern.gather(reference.conv2d_weight(x, pattern.shape, dy, **case.settings))
                        for x, dy in ((dense.args64[0], dense.dy64), (absolute(dense.x), absolute(dense.dy))))
    assert_sums_close(dvalues, exact, magnitude, max(dense.dy.size // dense.dy.shape[-1], 1))


@fixed_cases
def test_every_kind_of_layer_matches_the_float64_reference_forward_and_backward(isa, case):
    check_forward(case)
    check_input(case)
    check_weight(case)
    if case.pattern.block == 1:
        check_forward(case, "textbook")


@pytest.mark.parametrize("name", [name for name in FIXED if name.startswith("parts of ")])
def test_wide_layers_are_in_parts_where_the_machine_has_them(native, name):
    """So that the cases of that name test them."""
    case = FIXED[name]
    before = native.machine.isa()
    try:
        for isa in native.machine.available_isas():
            native.machine.set_isa(isa)
            run_forward(case)
            starts = [value[0] for key, value in case.pattern._memo.items() if key[0] == "parts"]
            assert bool(starts) == (isa == "avx512"), isa
            assert all(len(each) > case.pattern.rows + 1 for each in starts)
            case.pattern._memo.clear()
    finally:
        native.machine.set_isa(before)


def test_a_linear_layer_is_not_in_parts(native):
    """One output has nothing to find in the cache, and its values would be sorted at each call."""
    case = sparse_case(conv_case((3, 1, 1, 900), (1, 1, 900, 40)), 0.2)
    check_forward(case)
    assert not any(key[0] == "parts" for key in case.pattern._memo)


@given(case=sparse_cases())
def test_sparse_conv2d_matches_the_float64_reference(isa, case):
    check_forward(case)


@given(case=sparse_cases(formats=st.just(1)))
def test_the_textbook_algorithm_matches_the_float64_reference(isa, case):
    check_forward(case, "textbook")


@given(case=sparse_cases())
def test_input_gradient_matches_the_float64_reference(isa, case):
    check_input(case)


@given(case=sparse_cases())
def test_weight_gradient_matches_the_float64_reference(isa, case):
    check_weight(case)


@given(case=sparse_cases(whole=True))
def test_integers_are_exact(isa, case):
    """So that a weight that is off by one pixel somewhere cannot hide in a bound."""
    assert np.array_equal(run_forward(case), exact_forward(case))


@given(case=sparse_cases())
def test_the_reference_is_the_dense_convolution(case):
    x, _, b = case.dense.args64
    values = case.values.astype(np.float64)
    settings = {"pattern": case.pattern, **case.settings}
    assert np.array_equal(reference.sparse_conv2d(x, values, b, relu=case.dense.relu, **settings), exact_forward(case))


@pytest.mark.parametrize("block", [1, 16, 48])
@pytest.mark.parametrize("shape, pads", [((3, 13, 9, 35), (0, 0)), ((1, 30, 30, 8), (3, 5)), ((1, 7, 7, 33), (1, 1)),
                                         ((2, 9, 8, 90), (0, 0))])
def test_bits_do_not_depend_on_the_number_of_threads(isa, threads, shape, pads, block):
    case = sparse_case(conv_case(shape, (3, 3, shape[3], 40), padding=(1, 1), x_pads=pads, dy_pads=pads, out_pads=pads), 0.4, block)
    dense, values = case.dense, case.values

    def results():
        return [np.array(run_forward(case)),
                native.sparse_conv2d_input(dense.x.shape, values, dense.dy, pattern=case.pattern, **case.settings),
                native.sparse_conv2d_weight(dense.x, case.pattern, dense.dy, **case.settings)]

    threads(1)
    expected = results()
    for n in (2, 3, 5):
        threads(n)
        for name, a, b in zip(("y", "dx", "dvalues"), results(), expected, strict=True):
            assert same_bits(a, b), f"{name} differs with {n} threads"


@pytest.mark.parametrize("block, cout", [(1, 40), (32, 40), (32, 64)])
def test_an_image_has_the_same_bits_alone_and_in_a_batch(isa, block, cout):
    case = sparse_case(conv_case((5, 9, 9, 20), (3, 3, 20, cout), padding=(1, 1)), 0.3, block)
    together = run_forward(case)
    alone = native.sparse_conv2d(case.dense.x[3:4].copy(), case.values, case.dense.b, pattern=case.pattern, **case.settings)
    assert same_bits(alone, together[3:4].copy())


@pytest.mark.parametrize("block", [1, 16])
def test_nan_and_infinity_come_through_where_a_weight_takes_them_and_nowhere_else(isa, block):
    x, w = np.ones((1, 9, 9, 3), np.float32), np.zeros((3, 3, 3, 20), np.float32)
    x[0, 4, 4, 1], x[0, 8, 8, 0] = np.nan, np.inf
    w[0, 0, 1], w[2, 2, 0] = 1, 1  # the pixel up left, the pixel down right
    pattern = SparsePattern.from_mask(w != 0, block)
    y = native.sparse_conv2d(x, pattern.gather(w), pattern=pattern, padding=1, relu=True)
    assert np.array_equal(np.argwhere(np.isnan(y[0, :, :, 0])), [[5, 5]]) and np.all(np.isnan(y[0, 5, 5]))
    assert np.array_equal(np.argwhere(np.isinf(y[0, :, :, 0])), [[7, 7]])


def test_one_pattern_serves_all_instruction_sets_and_many_sizes_of_maps(native):
    """Kernels keep what they compute from a pattern with it: it must depend on all that it depends on, and not grow without end."""
    case = sparse_case(conv_case((1, 4, 4, 20), (3, 3, 20, 40), padding=(1, 1)), 0.3)
    before = native.machine.isa()
    try:
        for name in native.machine.available_isas() * 2:
            native.machine.set_isa(name)
            for size in range(1, 12):
                x = numbers(size, (1, size, size, 20), whole=True)
                for algorithm in ("auto", "textbook"):
                    for padding in (1, 2):
                        y = native.sparse_conv2d(x, case.values, pattern=case.pattern, padding=padding, algorithm=algorithm)
                        exact = reference.sparse_conv2d(x, case.values, pattern=case.pattern, padding=padding)
                        assert np.allclose(y, exact, atol=1e-4), (name, size, algorithm, padding)
        assert len(case.pattern._memo) <= REMEMBERED
    finally:
        native.machine.set_isa(before)


@given(case=sparse_cases())
def test_the_flipped_pattern_has_the_flipped_weights(case):
    """flipped[kh - 1 - ky, kw - 1 - kx, o, c] = w[ky, kx, c, o]: the definition of conv_direct's flipped weights."""
    w = case.pattern.scatter(case.values)
    flipped, order = case.pattern.flipped
    assert np.array_equal(flipped.scatter(case.values.reshape(-1)[order]), w[::-1, ::-1].transpose(0, 1, 3, 2))
