"""Bad arguments of sparse convolution: an error that names the function and the argument."""

import numpy as np
import pytest

from minigoog.kernels import reference
from minigoog.kernels.sparse_pattern import SparsePattern

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
    pattern = SparsePattern((40_000, 1, 1, 1), np.zeros(2, np.int32), np.zeros(0, np.int32), block)
    x, values = np.ones((1, 1, 1, 1), np.float32), np.ones(pattern.values_shape, np.float32)
    with pytest.raises(ValueError, match="sparse_conv2d: rows of .* too long for a window of 40000x1"):
        native.sparse_conv2d(x, values, pattern=pattern, padding=(20_000, 30_000), algorithm=algorithm)
