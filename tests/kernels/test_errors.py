"""Arguments that do not fit one another: what the error says, and never a crash. Each argument alone: test_wrong_arguments.py."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigoog
from minigoog.kernels import native as C
from minigoog.kernels import reference as R
from minigoog.kernels.sparse_pattern import SparsePattern

ROOT = Path(__file__).resolve().parents[2]


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


X, W, B, DY = ones(2, 5, 6, 3), ones(3, 3, 3, 4), ones(4), ones(2, 3, 4, 4)
INDEX, POOLED = np.zeros((2, 2, 3, 3), np.uint16), ones(2, 2, 3, 3)
LOGITS = ones(3, 4)
PATTERN, V = SparsePattern.from_mask(np.ones((3, 3, 2, 4), bool)), ones(72)


BOTH = [  # function, arguments, the error and its message, for both kinds of kernels
    ("conv2d", (X, ones(3, 3, 5, 4)), {}, ValueError,
     r"`w` takes 5 channels but `x` has 3 \(x NHWC \(2, 5, 6, 3\), w HWIO \(3, 3, 5, 4\)\)"),
    ("conv2d", (X, ones(3, 3, 4)), {}, ValueError, r"`w` has shape \(3, 3, 4\), expected four axes HWIO"),
    ("conv2d", (X[0], W), {}, ValueError, r"`x` has shape \(5, 6, 3\), expected four axes NHWC"),
    ("conv2d", (X, ones(3, 3, 3, 0)), {}, ValueError, r"`w` has shape \(3, 3, 3, 0\), expected at least 1 along each axis"),
    ("conv2d", (X, W, ones(5)), {}, ValueError, r"`b` has shape \(5,\), expected \(4,\)"),
    ("conv2d", (X, W, ones(1, 4)), {}, ValueError, r"`b` has shape \(1, 4\), expected \(4,\)"),
    ("conv2d", (X, ones(6, 3, 3, 4)), {}, ValueError, r"the window's height 6 exceeds the map's 5 plus padding 0 at both ends"),
    ("conv2d", (X, ones(3, 9, 3, 4)), {"padding": 1}, ValueError, r"the window's width 9 exceeds the map's 6 plus padding 1"),
    ("conv2d", (X, W), {"stride": 0}, ValueError, r"`stride` is 0, expected at least 1"),
    ("conv2d", (X, W), {"stride": True}, TypeError, r"`stride` is True, expected an integer"),
    ("conv2d", (X, W), {"stride": (1, 2, 3)}, ValueError, r"`stride` is \(1, 2, 3\), expected an integer or a pair"),
    ("conv2d", (X, W), {"padding": 2**70}, ValueError, r"`padding` is 1180591620717411303424, expected at most"),
    ("conv2d", (X, W), {"relu": None}, TypeError, r"`relu` is None, expected True or False"),
    ("conv2d", (X, W), {"groups": 2}, ValueError, r"`w` takes 3 channels in each of 2 groups but `x` has 3"),
    ("conv2d", (ones(1, 4, 4, 6), ones(1, 1, 3, 5)), {"groups": 2}, ValueError,
     r"`groups` is 2, expected a divisor of the 5 output channels"),
    ("conv2d_input", ((2, 5, 6, 3), W, ones(2, 3, 4, 5)), {}, ValueError, r"`dy` has shape \(2, 3, 4, 5\), expected \(2, 3, 4, 4\)"),
    ("conv2d_weight", (X, (3, 3, 3, 4), DY[:1]), {}, ValueError, r"`dy` has shape \(1, 3, 4, 4\), expected \(2, 3, 4, 4\)"),
    ("conv2d_bias", (np.ones((), np.float32),), {}, ValueError, r"`dy` has"),
    ("linear", (ones(2, 3), ones(4, 5)), {}, ValueError, r"`w` takes 4 features but `x` has 3"),
    ("linear", (ones(2, 3, 1), ones(3, 5)), {}, ValueError, r"`x` has 3 axes \(2, 3, 1\), expected 2"),
    ("linear", (ones(2, 3), ones(3, 5), ones(4)), {}, ValueError, r"`b` has shape \(4,\), expected \(5,\)"),
    ("linear_input", (ones(3, 5), ones(2, 4)), {}, ValueError, r"`dy` has 4 columns but `w` has 5"),
    ("linear_weight", (ones(2, 3), ones(4, 5)), {}, ValueError, r"`dy` has 4 rows but `x` has 2"),
    ("max_pool2d", (X, 2), {"padding": 2}, ValueError, r"`padding` is \(2, 2\), expected less than the window \(2, 2\)"),
    ("max_pool2d", (X, 7), {}, ValueError, r"the window's height 7 exceeds the map's 5"),
    ("max_pool2d", (X[0], 2), {}, ValueError, r"expected four axes NHWC"),
    ("max_pool2d", (ones(1, 4, 4, 0), 2), {}, ValueError, r"no channels"),
    ("max_pool2d", (ones(1, 0, 4, 1), 2), {"padding": 1}, ValueError, r"outside the map"),
    ("max_pool2d_backward", (X.shape, INDEX.astype(np.int64), POOLED, 2), {}, TypeError, r"`index` is int64, expected uint16"),
    ("max_pool2d_backward", (X.shape, INDEX[:1], POOLED, 2), {}, ValueError, r"`index` has shape \(1, 2, 3, 3\), expected \(2, 2, 3, 3\)"),
    ("avg_pool2d_backward", (X.shape, DY, 2), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 2, 3, 3\)"),
    ("global_avg_pool2d", (ones(2, 3),), {}, ValueError, r"`x` has 2 axes \(2, 3\), expected 4"),
    ("global_avg_pool2d_backward", ((2, 5, 6, 3), ones(2, 4)), {}, ValueError, r"`dy` has shape \(2, 4\), expected \(2, 3\)"),
    ("relu_backward", (X, DY), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 5, 6, 3\)"),
    ("leaky_relu_backward", (X, DY, 0.1), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 5, 6, 3\)"),
    ("add", (X, ones(3)), {}, ValueError, r"`b` has shape \(3,\), expected \(2, 5, 6, 3\)"),  # no broadcasting
    ("tanh_backward", (X, DY, 1.0, 1.0), {}, ValueError, r"`dy` has shape"),
    ("dropout", (X, 1.0), {"seed": 0, "offset": 0}, ValueError, r"`p` is 1, expected a number below 1"),
    ("dropout", (X, -0.1), {"seed": 0, "offset": 0}, ValueError, r"`p` is -0.1, expected a finite number from 0 to 1"),
    ("dropout", (X, 0.5), {"seed": 2**64, "offset": 0}, ValueError, r"`seed` is 18446744073709551616, expected at most"),
    ("softmax", (ones(3),), {}, ValueError, r"`x` has 1 axes \(3,\), expected 2"),
    ("softmax", (ones(3, 0),), {}, ValueError, r"`x` has no classes"),
    ("softmax_backward", (LOGITS, ones(3, 5)), {}, ValueError, r"`dy` has shape \(3, 5\), expected \(3, 4\)"),
    ("cross_entropy", (LOGITS, [0, 1]), {}, ValueError, r"`labels` has shape \(2,\), expected \(3,\), one for each row"),
    ("cross_entropy", (LOGITS, [0, 1, 4]), {}, ValueError, r"`labels` go from 0 to 4, expected 0 to 3"),
    ("cross_entropy", (LOGITS, [0, -1, 1]), {}, ValueError, r"`labels` go from -1 to 1, expected 0 to 3"),
    ("cross_entropy", (LOGITS, [0.0, 1.0, 2.0]), {}, TypeError, r"`labels` is float64, expected integers"),
    ("cross_entropy", (LOGITS, [True, False, True]), {}, TypeError, r"`labels` is bool, expected integers"),
    ("cross_entropy", (LOGITS, np.array([2**63, 0, 0], np.uint64)), {}, ValueError, r"`labels` go from 0 to 9223372036854775808"),
    ("cross_entropy_backward", (LOGITS, [0, 1, 9], 1.0), {}, ValueError, r"`labels` go from 0 to 9, expected 0 to 3"),
    ("cooccurrences", (X[0] > 0,), {}, ValueError, r"`maps` has 3 axes \(5, 6, 3\), expected 4"),
    ("cooccurrences", (X > 0, 6), {}, ValueError, r"`radius` is 6, expected at most 5"),
    ("sgd_step", (B, ones(5), B), {"lr": 0.1, "momentum": 0, "weight_decay": 0}, ValueError, r"`dw` has shape \(5,\), expected \(4,\)"),
    ("sgd_step", (np.broadcast_to(B, (2, 4)), ones(2, 4), ones(2, 4)), {"lr": 0.1, "momentum": 0, "weight_decay": 0}, ValueError,
     r"`w` is read-only"),
    ("batch_norm", (ones(5, 3), ones(4), ones(3)), {"eps": 1e-5}, ValueError, r"`gamma` has shape \(4,\), expected \(3,\)"),
    ("batch_norm", (ones(0, 3), ones(3), ones(3)), {"eps": 1e-5}, ValueError, r"`x` has shape \(0, 3\), expected values to take the mean"),
    ("batch_norm", (ones(3), ones(3), ones(3)), {"eps": 1e-5}, ValueError, "`x` has 1 axes"),
    ("batch_norm", (ones(5, 3), ones(3), ones(3)), {"eps": 0}, ValueError, "`eps` is 0, expected a number above 0"),
    ("sparse_conv2d", (ones(1, 5, 5, 2), V[1:]), {"pattern": PATTERN}, ValueError, r"`values` has shape \(71,\), expected \(72,\)"),
    ("sparse_conv2d", (ones(1, 5, 5, 1), V), {"pattern": PATTERN}, ValueError,
     r"`pattern` takes 2 channels but `x` has 1 \(x NHWC \(1, 5, 5, 1\), pattern"),
    ("sparse_conv2d", (ones(1, 2, 5, 2), V), {"pattern": PATTERN}, ValueError, r"the window's height 3 exceeds the map's 2"),
    ("sparse_conv2d_input", ((1, 5, 5, 2), V, ones(1, 2, 3, 4)), {"pattern": PATTERN}, ValueError,
     r"`dy` has shape \(1, 2, 3, 4\), expected \(1, 3, 3, 4\)"),
    ("sparse_conv2d_weight", (ones(1, 5, 5, 2), PATTERN, ones(1, 2, 3, 4)), {}, ValueError, r"`dy` has shape \(1, 2, 3, 4\)"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["native", "reference"])
@pytest.mark.parametrize("name, args, kwargs, error, message", BOTH, ids=[f"{name}: {message[:50]}" for name, *_, message in BOTH])
def test_both_kinds_of_kernels_refuse_it_by_name(native, kind, name, args, kwargs, error, message):
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        getattr(C if kind == "native" else R, name)(*args, **kwargs)


@pytest.mark.parametrize("kind", ["native", "reference"])
def test_a_refused_call_does_not_change_what_later_calls_get(native, kind):
    """1, 1.0 and True are one key of a dictionary: a cache of shapes must not mix them up, in either order."""
    kernels = C if kind == "native" else R
    for stride in (1, 1.0, True, 1):
        if stride is True or isinstance(stride, float):
            with pytest.raises(TypeError, match="`stride` is"):
                kernels.conv2d(X, W, stride=stride)
        else:
            assert kernels.conv2d(X, W, stride=stride).shape == (2, 3, 4, 4)
    with pytest.raises(TypeError, match="`x_shape` is 11.0"):
        kernels.conv2d_input((1, 11.0, 4, 3), W, ones(1, 9, 2, 4))
    assert kernels.conv2d_input((1, 11, 4, 3), W, ones(1, 9, 2, 4)).shape == (1, 11, 4, 3)


@pytest.mark.parametrize("n, error, message", [(0, ValueError, "`n` is 0, expected at least 1"), (-3, ValueError, "`n` is -3"),
                                              (2.0, TypeError, "`n` is 2.0, expected an integer"), (True, TypeError, "`n` is True"),
                                              (100_000, ValueError, "`n` is 100000, expected at most"),
                                              (2**40, ValueError, "expected at most")])
def test_set_num_threads_refuses_an_invalid_number_of_threads(n, error, message):
    with pytest.raises(error, match=f"set_num_threads: {message}" if message.startswith("`") else message):
        minigoog.set_num_threads(n)


def test_the_largest_number_of_threads_works(native):
    """OpenMP crashes the process when it cannot have the threads that it is asked for."""
    program = ("import minigoog, numpy as np; from minigoog import kernels; minigoog.set_num_threads(kernels.MOST_THREADS); "
               "assert kernels.relu(np.ones(10**6, np.float32)).sum() == 10**6")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("index", [30, 2**16 - 1])
def test_an_index_outside_the_map_is_passed_over_in_c_and_refused_by_the_reference(native, index):
    """The C kernels do not look through an index that only max_pool2d makes; it must still not lead them out of the map."""
    wrong = np.full_like(INDEX, index)
    assert np.all(C.max_pool2d_backward(X.shape, wrong, POOLED, 2) == 0)
    with pytest.raises(ValueError, match=rf"`index` goes from {index} to {index}, expected 0 to 29"):
        R.max_pool2d_backward(X.shape, wrong, POOLED, 2)


@pytest.mark.parametrize("index", [-1, 65_792, 2**31 - 1, -(2**31)])
def test_so_is_one_of_a_map_with_more_than_65536_pixels(native, index):
    shape, wrong = (1, 257, 256, 1), np.full((1, 1, 1, 1), index, np.int32)
    window = {"kernel_size": (257, 256)}
    assert np.all(C.max_pool2d_backward(shape, wrong, ones(1, 1, 1, 1), **window) == 0)
    with pytest.raises(ValueError, match=rf"`index` goes from {index} to {index}, expected 0 to 65791"):
        R.max_pool2d_backward(shape, wrong, ones(1, 1, 1, 1), **window)


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_random_calls_never_crash_and_never_modify_their_inputs(native, seed):
    """See fuzz.py. In a process of its own, so that a crash is seen."""
    examples = os.environ.get("FUZZ_CALLS", "1500")
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "tests.kernels.fuzz", str(seed), examples], cwd=ROOT,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def test_the_textbook_algorithm_is_for_csr(native):
    blocks = SparsePattern.from_mask(np.ones((3, 3, 2, 4), bool), 16)
    with pytest.raises(ValueError, match="^sparse_conv2d: `algorithm` is 'textbook', which is for CSR, but `pattern` has blocks of 16"):
        C.sparse_conv2d(ones(1, 5, 5, 2), blocks.gather(PATTERN.scatter(V)), pattern=blocks, algorithm="textbook")


@pytest.mark.parametrize("block, algorithm", [(1, "auto"), (1, "textbook"), (16, "auto")])
def test_a_window_too_far_for_int32_is_refused(native, block, algorithm):
    """Addresses within a window are int32: 40,000 rows of 60,000 pixels are not for it. No memory is touched: the map is all padding."""
    pattern = SparsePattern((40_000, 1, 1, 1), np.zeros(2, np.int32), np.zeros(0, np.int32), block)
    x, values = ones(1, 1, 1, 1), ones(*pattern.values_shape)
    with pytest.raises(ValueError, match="sparse_conv2d: rows of .* too long for a window of 40000x1"):
        C.sparse_conv2d(x, values, pattern=pattern, padding=(20_000, 30_000), algorithm=algorithm)
