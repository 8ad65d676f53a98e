"""Convolution with sparse weights: every instruction set and both formats against float64; patterns against PyTorch and loops."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from minigoog.kernels.sparse_pattern import REMEMBERED, SparsePattern
from minigoog.nn.sparse import ungrouped
from tests.kernels.judge import absolute, assert_sums_close, same_bits, unchanged
from tests.strategies import ConvCase, conv_case, conv_cases, numbers, seeds, wide_out

densities = st.sampled_from([0, 0.01, 0.1, 0.3, 1])
formats = st.sampled_from([1, 1, 16, 32, 48])


@dataclass
class SparseCase:
    """A convolution and the pattern of the weights that it has."""

    dense: ConvCase
    pattern: SparsePattern
    settings: dict

    @property
    def values(self):
        return self.pattern.gather(self.dense.w)

    @property
    def largest_row(self):
        return int(np.diff(self.pattern.crow_indices).max())

    def _repr_pretty_(self, printer, cycle):
        printer.text(f"SparseCase({self.pattern}, ")
        self.dense._repr_pretty_(printer, cycle)


def sparse_case(case, density, block=1, seed=0):
    """`case`, without groups, with random weights left out."""
    case.w = ungrouped(case.w, case.settings["groups"])
    settings = {name: value for name, value in case.settings.items() if name != "groups"}
    mask = np.random.default_rng(seed).random(case.w.shape) < density
    return SparseCase(case, SparsePattern.from_mask(mask, block), settings)


@st.composite
def sparse_cases(draw, formats=formats, whole=False):
    """Convolutions of every kind, dense to empty."""
    return sparse_case(draw(conv_cases(whole=whole)), draw(densities), draw(formats), draw(seeds))


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
    "empty batch": sparse_case(conv_case((0, 4, 4, 3), (3, 3, 3, 8)), 0.5),
    "empty batch in blocks": sparse_case(conv_case((0, 4, 4, 3), (3, 3, 3, 8)), 0.5, 16),
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
    assert_sums_close(dx, exact, magnitude, int(np.diff(case.pattern.turned[0].crow_indices).max()))


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
def test_whole_numbers_are_exact(isa, case):
    """So that a weight that is off by one pixel somewhere cannot hide in a bound."""
    assert np.array_equal(run_forward(case), exact_forward(case))


@given(case=sparse_cases())
def test_the_reference_is_the_dense_convolution(case):
    x, _, b = case.dense.args64
    values = case.values.astype(np.float64)
    settings = {"pattern": case.pattern, **case.settings}
    assert np.array_equal(reference.sparse_conv2d(x, values, b, relu=case.dense.relu, **settings), exact_forward(case))


@pytest.mark.parametrize("block", [1, 16, 48])
@pytest.mark.parametrize("shape, pads", [((3, 13, 9, 35), (0, 0)), ((1, 30, 30, 8), (3, 5)), ((1, 7, 7, 33), (1, 1))])
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


@pytest.mark.parametrize("block", [1, 32])
def test_an_image_has_the_same_bits_alone_and_in_a_batch(isa, block):
    case = sparse_case(conv_case((5, 9, 9, 20), (3, 3, 20, 40), padding=(1, 1)), 0.3, block)
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


# ---- patterns ----


@given(seed=seeds, density=densities, block=formats, cout=st.integers(1, 50))
def test_a_pattern_takes_weights_out_and_puts_them_back(seed, density, block, cout):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((2, 3, 4, cout)) * (rng.random((2, 3, 4, cout)) < density)
    pattern = SparsePattern.from_mask(w != 0, block)
    values = pattern.gather(w)
    assert np.array_equal(pattern.scatter(values), w) and values.shape == pattern.values_shape
    assert pattern.n_weights >= np.count_nonzero(w) and (block > 1 or pattern.n_weights == np.count_nonzero(w))
    assert pattern.density == pattern.n_weights / w.size


def test_a_block_is_kept_where_any_of_its_rows_has_a_weight():
    mask = np.zeros((1, 2, 3, 40), bool)
    mask[0, 1, 2, 17] = mask[0, 0, 1, 39] = mask[0, 0, 1, 16] = True  # columns 5, 1, 1; blocks 1, 2, 1
    pattern = SparsePattern.from_mask(mask, 16)
    assert pattern.crow_indices.tolist() == [0, 0, 2, 3] and pattern.col_indices.tolist() == [1, 5, 1]
    assert pattern.values_shape == (3, 16) and pattern.n_weights == 2 * 16 + 8  # channels 32 to 39 are half a block


def test_a_csr_pattern_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nobody else has looked at the format")
    w = numbers(0, (3, 3, 5, 7)) * (numbers(1, (3, 3, 5, 7)) > 0.5)
    with warnings.catch_warnings(action="ignore"):  # that CSR is in beta, once for each process
        theirs = torch.from_numpy(w.reshape(45, 7).T.copy()).to_sparse_csr()
    ours = SparsePattern.from_mask(w != 0)
    assert np.array_equal(ours.crow_indices, theirs.crow_indices()) and np.array_equal(ours.col_indices, theirs.col_indices())
    assert np.array_equal(ours.gather(w), theirs.values())


@given(case=sparse_cases())
def test_the_turned_pattern_has_the_turned_weights(case):
    """turned[kh - 1 - ky, kw - 1 - kx, o, c] = w[ky, kx, c, o]: the definition of conv_direct's turned weights."""
    w = case.pattern.scatter(case.values)
    turned, order = case.pattern.turned
    assert np.array_equal(turned.scatter(case.values.reshape(-1)[order]), w[::-1, ::-1].transpose(0, 1, 3, 2))


def test_a_pattern_does_not_change_with_the_arrays_that_it_was_made_from():
    crow, col = np.array([0, 1, 2], np.int32), np.array([0, 3], np.int32)
    pattern = SparsePattern((1, 2, 2, 2), crow, col)
    crow[1], col[0] = 9, 9
    assert pattern.crow_indices.tolist() == [0, 1, 2] and pattern.col_indices.tolist() == [0, 3]
    with pytest.raises(ValueError, match="read-only"):
        pattern.col_indices[0] = 1


def i32(*values):
    return np.array(values, np.int32)


BAD_PATTERNS = [
    (((1, 1, 2), i32(0, 1), i32(0)), TypeError, r"`shape` is \(1, 1, 2\), expected a tuple of 4"),
    (((1, 1, 0, 1), i32(0, 1), i32(0)), ValueError, r"`shape` is 0, expected at least 1"),
    (((1, 2**16, 2**16, 1), i32(0, 0), i32()), ValueError, r"expected at most 2147483647 positions of the window"),
    (((1, 1, 2, 1), [0, 1], i32(0)), TypeError, r"`crow_indices` is list, expected a NumPy array"),
    (((1, 1, 2, 1), np.array([0, 1]), i32(0)), TypeError, r"`crow_indices` is int64, expected int32"),
    (((1, 1, 2, 1), i32(0, 1), np.array([0])), TypeError, r"`col_indices` is int64, expected int32"),
    (((1, 1, 2, 1), i32(0, 1, 1), i32(0)), ValueError, r"`crow_indices` has shape \(3,\), expected \(2,\)"),
    (((1, 1, 2, 1), i32(0, 2), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 1), i32(1, 1), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 2), i32(0, 2, 1), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(2)), ValueError, r"`col_indices` go from 2 to 2, expected 0 to 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(-1)), ValueError, r"`col_indices` go from -1 to -1, expected 0 to 1"),
    (((1, 1, 2, 1), i32(0, 2), i32(1, 1)), ValueError, r"`col_indices` must increase within each row"),
    (((1, 1, 3, 2), i32(0, 1, 3), i32(0, 2, 1)), ValueError, r"`col_indices` must increase within each row"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 8), ValueError, r"`block` is 8, expected 1 or a multiple of 16"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 0), ValueError, r"`block` is 0, expected at least 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 16.0), TypeError, r"`block` is 16.0, expected an integer"),
]


@pytest.mark.parametrize("arguments, error, message", BAD_PATTERNS, ids=[message for *_, message in BAD_PATTERNS])
def test_a_bad_pattern_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=f"^SparsePattern: .*{message}"):
        SparsePattern(*arguments)


def test_rows_may_begin_anywhere():
    pattern = SparsePattern((1, 1, 3, 4), i32(0, 0, 2, 2, 4), i32(1, 2, 0, 2))
    assert pattern.scatter(np.arange(1.0, 5.0))[0, 0].T.tolist() == [[0, 0, 0], [0, 1, 2], [0, 0, 0], [3, 0, 4]]


def test_masks_and_weights_of_a_wrong_kind_are_refused_by_name():
    pattern = SparsePattern.from_mask(np.ones((1, 1, 2, 3), bool))
    for call, error, message in (
        (lambda: SparsePattern.from_mask(np.ones((1, 1, 2, 3))), TypeError, "`mask` is float64, expected bool"),
        (lambda: SparsePattern.from_mask(np.ones((2, 3), bool)), ValueError, r"`mask` has 2 axes \(2, 3\), expected 4"),
        (lambda: SparsePattern.from_mask(np.ones((1, 1, 2, 3), bool), 24), ValueError, "`block` is 24, expected 1 or a multiple of 16"),
        (lambda: pattern.gather(np.ones((1, 1, 3, 2))), ValueError, r"`w` has shape \(1, 1, 3, 2\), expected \(1, 1, 2, 3\)"),
        (lambda: pattern.scatter(np.ones(5)), ValueError, r"`values` has shape \(5,\), expected \(6,\)"),
    ):
        with pytest.raises(error, match=message):
            call()


# ---- errors ----

PATTERN = SparsePattern.from_mask(np.ones((3, 3, 2, 4), bool))
X, V, DY = np.ones((1, 5, 5, 2), np.float32), np.ones(72, np.float32), np.ones((1, 3, 3, 4), np.float32)
BAD_CALLS = [
    ("sparse_conv2d", (X.tolist(), V), {}, TypeError, r"`x` is list, expected a NumPy array"),
    ("sparse_conv2d", (X, V[1:]), {}, ValueError, r"`values` has shape \(71,\), expected \(72,\)"),
    ("sparse_conv2d", (X, V.astype(float)), {}, TypeError, r"`values` is float64, expected float32"),
    ("sparse_conv2d", (X, V), {"pattern": V}, TypeError, r"`pattern` is ndarray, expected a SparsePattern"),
    ("sparse_conv2d", (X[..., :1], V), {}, ValueError, r"`pattern` takes 2 channels but `x` has 1 \(x NHWC \(1, 5, 5, 1\), pattern"),
    ("sparse_conv2d", (X[0], V), {}, ValueError, r"expected four axes"),
    ("sparse_conv2d", (X, V, np.ones(3, np.float32)), {}, ValueError, r"`b` has shape \(3,\), expected \(4,\)"),
    ("sparse_conv2d", (X, V, np.ones(4)), {}, TypeError, r"`b` is float64, expected float32"),
    ("sparse_conv2d", (X, V), {"out": DY[:, 1:]}, ValueError, r"`out` has shape \(1, 2, 3, 4\), expected \(1, 3, 3, 4\)"),
    ("sparse_conv2d", (X, V), {"stride": 0}, ValueError, r"`stride` is 0, expected at least 1"),
    ("sparse_conv2d", (X[:, :2], V), {}, ValueError, r"the window's height 3 exceeds the map's 2"),
    ("sparse_conv2d_input", (X.shape, V, DY[:, 1:]), {}, ValueError, r"`dy` has shape \(1, 2, 3, 4\), expected \(1, 3, 3, 4\)"),
    ("sparse_conv2d_input", (X.shape, V[1:], DY), {}, ValueError, r"`values` has shape \(71,\), expected \(72,\)"),
    ("sparse_conv2d_input", ((1, 5, 5), V, DY), {}, TypeError, r"`x_shape` is \(1, 5, 5\), expected a tuple of 4"),
    ("sparse_conv2d_input", (X.shape, V, DY.astype(float)), {}, TypeError, r"`dy` is float64, expected float32"),
]


kinds = pytest.mark.parametrize("kind", ["native", "reference"])


@kinds
@pytest.mark.parametrize("name, arguments, settings, error, message", BAD_CALLS, ids=[f"{n}: {m}" for n, *_, m in BAD_CALLS])
def test_both_kinds_of_kernels_refuse_it_by_name(native, kind, name, arguments, settings, error, message):
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        getattr(native if kind == "native" else reference, name)(*arguments, **{"pattern": PATTERN, **settings})


@kinds
def test_the_weight_gradient_refuses_bad_arguments_by_name(native, kind):
    for arguments, error, message in (
        ((X, V, DY), TypeError, r"`pattern` is ndarray, expected a SparsePattern"),
        ((X, PATTERN, DY[:, 1:]), ValueError, r"`dy` has shape \(1, 2, 3, 4\), expected \(1, 3, 3, 4\)"),
        ((X, PATTERN, DY.astype(float)), TypeError, r"`dy` is float64, expected float32"),
        ((X.astype(int), PATTERN, DY), TypeError, r"`x` is int64, expected float32"),
    ):
        with pytest.raises(error, match=f"^sparse_conv2d_weight: .*{message}"):
            (native if kind == "native" else reference).sparse_conv2d_weight(*arguments)


def test_only_native_kernels_have_more_to_refuse(native):
    blocks = SparsePattern.from_mask(np.ones((3, 3, 2, 4), bool), 16)
    for arguments, settings, error, message in (
        ((X.astype(float), V), {}, TypeError, "`x` is float64, expected float32 .the C kernels compute in float32"),
        ((X, V), {"algorithm": "winograd"}, ValueError, "`algorithm` is 'winograd', expected one of auto, textbook"),
        ((X, blocks.gather(PATTERN.scatter(V))), {"algorithm": "textbook", "pattern": blocks}, ValueError, "which is for CSR"),
        ((X, np.repeat(V, 2)[::2]), {}, ValueError, r"`values` has strides \(8,\)"),
        ((X[:, ::-1], V), {}, ValueError, "`x` has strides"),
    ):
        with pytest.raises(error, match=f"^sparse_conv2d: .*{message}"):
            native.sparse_conv2d(*arguments, **{"pattern": PATTERN, **settings})


@pytest.mark.parametrize("block, algorithm", [(1, "auto"), (1, "textbook"), (16, "auto")])
def test_a_window_too_far_for_int32_is_refused(native, block, algorithm):
    """Addresses within a window are int32: 40,000 rows of 60,000 pixels are not for it. No memory is touched: the map is all padding."""
    pattern = SparsePattern((40_000, 1, 1, 1), i32(0, 0), i32(), block)
    x, values = np.ones((1, 1, 1, 1), np.float32), np.ones(pattern.values_shape, np.float32)
    with pytest.raises(ValueError, match="sparse_conv2d: rows of .* too long for a window of 40000x1"):
        native.sparse_conv2d(x, values, pattern=pattern, padding=(20_000, 30_000), algorithm=algorithm)
