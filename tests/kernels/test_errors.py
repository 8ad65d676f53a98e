"""Bad arguments: an error that names the argument, what was given and what was expected, and never a crash."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import minigoog
from minigoog.kernels import native as C
from minigoog.kernels import reference as R
from tests.kernels.judge import unchanged

ROOT = Path(__file__).resolve().parents[2]


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


X, W, B, DY = ones(2, 5, 6, 3), ones(3, 3, 3, 4), ones(4), ones(2, 3, 4, 4)
INDEX, POOLED = np.zeros((2, 2, 3, 3), np.int32), ones(2, 2, 3, 3)
LOGITS = ones(3, 4)


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


BOTH = [  # function, arguments, the error and its message, for both kinds of kernels
    ("conv2d", (X.tolist(), W), {}, TypeError, r"`x` is list, expected a NumPy array"),
    ("conv2d", (X, None), {}, TypeError, r"`w` is NoneType, expected a NumPy array"),
    ("conv2d", (X.astype(int), W), {}, TypeError, r"`x` is int64, expected float32"),
    ("conv2d", (X.astype(np.float16), W), {}, TypeError, r"`x` is float16, expected float32"),
    ("conv2d", (X.astype(complex), W), {}, TypeError, r"`x` is complex128, expected float32"),
    ("conv2d", (X.astype(">f4"), W), {}, TypeError, r"`x` is >f4, expected float32"),
    ("conv2d", (X, W.astype(float)), {}, TypeError, r"`w` is float64, expected float32"),
    ("conv2d", (X, W, B.astype(float)), {}, TypeError, r"`b` is float64, expected float32"),
    ("conv2d", (X, ones(3, 3, 5, 4)), {}, ValueError,
     r"`w` takes 5 channels but `x` has 3 \(x NHWC \(2, 5, 6, 3\), w HWIO \(3, 3, 5, 4\)\)"),
    ("conv2d", (X, ones(3, 3, 4)), {}, ValueError, r"expected four axes"),
    ("conv2d", (X[0], W), {}, ValueError, r"x has shape \(5, 6, 3\).*expected four axes"),
    ("conv2d", (X, ones(3, 3, 3, 0)), {}, ValueError, r"`w` has shape \(3, 3, 3, 0\), expected at least 1 along each axis"),
    ("conv2d", (X, W, ones(5)), {}, ValueError, r"`b` has shape \(5,\), expected \(4,\)"),
    ("conv2d", (X, W, ones(1, 4)), {}, ValueError, r"`b` has shape \(1, 4\), expected \(4,\)"),
    ("conv2d", (X, ones(6, 3, 3, 4)), {}, ValueError, r"the window's height 6 exceeds the map's 5 plus padding 0 at both ends"),
    ("conv2d", (X, ones(3, 9, 3, 4)), {"padding": 1}, ValueError, r"the window's width 9 exceeds the map's 6 plus padding 1"),
    ("conv2d", (X, W), {"stride": 0}, ValueError, r"`stride` is 0, expected at least 1"),
    ("conv2d", (X, W), {"stride": 1.0}, TypeError, r"`stride` is 1.0, expected an integer"),
    ("conv2d", (X, W), {"stride": True}, TypeError, r"`stride` is True, expected an integer"),
    ("conv2d", (X, W), {"stride": (1, 2, 3)}, ValueError, r"`stride` is \(1, 2, 3\), expected an integer or a pair"),
    ("conv2d", (X, W), {"stride": "1"}, TypeError, r"`stride` is '1', expected an integer"),
    ("conv2d", (X, W), {"stride": np.array([1, 1])}, TypeError, r"`stride` is array"),
    ("conv2d", (X, W), {"stride": [[1], 1]}, TypeError, r"`stride` is \[1\], expected an integer"),
    ("conv2d", (X, W), {"stride": 2**70}, ValueError, r"`stride` is 1180591620717411303424, expected at most"),
    ("conv2d", (X, W), {"padding": -1}, ValueError, r"`padding` is -1, expected at least 0"),
    ("conv2d", (X, W), {"padding": None}, TypeError, r"`padding` is None, expected an integer"),
    ("conv2d", (X, W), {"groups": 0}, ValueError, r"`groups` is 0, expected at least 1"),
    ("conv2d", (X, W), {"groups": 2}, ValueError, r"`w` takes 3 channels in each of 2 groups but `x` has 3"),
    ("conv2d", (ones(1, 4, 4, 6), ones(1, 1, 3, 5)), {"groups": 2}, ValueError,
     r"`groups` is 2, expected a divisor of the 5 output channels"),
    ("conv2d", (X, W), {"out": ones(2, 3, 4, 5)}, ValueError, r"`out` has shape \(2, 3, 4, 5\), expected \(2, 3, 4, 4\)"),
    ("conv2d", (X, W), {"out": DY.astype(float)}, TypeError, r"`out` is float64, expected float32"),
    ("conv2d", (X, W), {"out": read_only(DY)}, ValueError, r"`out` is read-only"),
    ("conv2d", (X, W), {"out": [1]}, TypeError, r"`out` is list, expected a NumPy array"),
    ("conv2d_input", ((2, 5, 6, 3), W, ones(2, 3, 4, 5)), {}, ValueError, r"`dy` has shape \(2, 3, 4, 5\), expected \(2, 3, 4, 4\)"),
    ("conv2d_input", ((2, 5, 6), W, DY), {}, TypeError, r"`x_shape` is \(2, 5, 6\), expected a tuple of 4"),
    ("conv2d_input", (5, W, DY), {}, TypeError, r"`x_shape` is 5, expected"),
    ("conv2d_input", ((2, 5.0, 6, 3), W, DY), {}, TypeError, r"`x_shape` is 5.0, expected an integer"),
    ("conv2d_input", ((2, -5, 6, 3), W, DY), {}, ValueError, r"`x_shape` is -5, expected at least 0"),
    ("conv2d_input", ((2, 5, 6, 3), W, DY.astype(float)), {}, TypeError, r"`dy` is float64, expected float32"),
    ("conv2d_weight", (X, (3, 3, 3, 4), DY[:1]), {}, ValueError, r"`dy` has shape \(1, 3, 4, 4\), expected \(2, 3, 4, 4\)"),
    ("conv2d_weight", (X, (3, 3, 3), DY), {}, TypeError, r"`w_shape` is \(3, 3, 3\), expected a tuple of 4"),
    ("conv2d_weight", (X, (3, 3, 3, 4), DY.astype(float)), {}, TypeError, r"`dy` is float64, expected float32"),
    ("conv2d_bias", (3.0,), {}, TypeError, r"`dy` is float, expected a NumPy array"),
    ("conv2d_bias", (np.ones((), np.float32),), {}, ValueError, r"`dy` has"),
    ("linear", (ones(2, 3), ones(4, 5)), {}, ValueError, r"`w` takes 4 features but `x` has 3"),
    ("linear", (ones(2, 3, 1), ones(3, 5)), {}, ValueError, r"`x` has 3 axes \(2, 3, 1\), expected 2"),
    ("linear", (ones(2, 3), ones(3, 5), ones(4)), {}, ValueError, r"`b` has shape \(4,\), expected \(5,\)"),
    ("linear_input", (ones(3, 5), ones(2, 4)), {}, ValueError, r"`dy` has 4 columns but `w` has 5"),
    ("linear_weight", (ones(2, 3), ones(4, 5)), {}, ValueError, r"`dy` has 4 rows but `x` has 2"),
    ("max_pool2d", (X, 0), {}, ValueError, r"`kernel_size` is 0, expected at least 1"),
    ("max_pool2d", (X, 2.5), {}, TypeError, r"`kernel_size` is 2.5, expected an integer"),
    ("max_pool2d", (X, 2), {"stride": 0}, ValueError, r"`stride` is 0, expected at least 1"),
    ("max_pool2d", (X, 2), {"stride": 2.0}, TypeError, r"`stride` is 2.0, expected an integer"),
    ("max_pool2d", (X, 2), {"padding": 2}, ValueError, r"`padding` is \(2, 2\), expected less than the window \(2, 2\)"),
    ("max_pool2d", (X, 7), {}, ValueError, r"the window's height 7 exceeds the map's 5"),
    ("max_pool2d", (X[0], 2), {}, ValueError, r"expected four axes NHWC"),
    ("max_pool2d", (ones(1, 4, 4, 0), 2), {}, ValueError, r"no channels"),
    ("max_pool2d", (ones(1, 0, 4, 1), 2), {"padding": 1}, ValueError, r"outside the map"),
    ("max_pool2d", (X, 2), {"out": ones(2, 2, 3, 4)}, ValueError, r"`out` has shape \(2, 2, 3, 4\), expected \(2, 2, 3, 3\)"),
    ("max_pool2d_backward", (X.shape, INDEX.astype(np.int64), POOLED, 2), {}, TypeError, r"`index` is int64, expected int32"),
    ("max_pool2d_backward", (X.shape, INDEX[:1], POOLED, 2), {}, ValueError, r"`index` has shape \(1, 2, 3, 3\), expected \(2, 2, 3, 3\)"),
    ("avg_pool2d", (X.astype(int), 2), {}, TypeError, r"`x` is int64"),
    ("avg_pool2d_backward", (X.shape, DY, 2), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 2, 3, 3\)"),
    ("global_avg_pool2d", (ones(2, 3),), {}, ValueError, r"`x` has 2 axes \(2, 3\), expected 4"),
    ("global_avg_pool2d_backward", ((2, 5, 6, 3), ones(2, 4)), {}, ValueError, r"`dy` has shape \(2, 4\), expected \(2, 3\)"),
    ("global_avg_pool2d_backward", ((2, 5), ones(2, 5)), {}, TypeError, r"`x_shape` is \(2, 5\)"),
    ("relu", (3,), {}, TypeError, r"`x` is int, expected a NumPy array"),
    ("relu", (X,), {"out": ones(3)}, ValueError, r"`out` has shape \(3,\), expected \(2, 5, 6, 3\)"),
    ("relu_backward", (X, DY), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 5, 6, 3\)"),
    ("leaky_relu", (X, 0.1), {"out": X}, ValueError, r"`out` overlaps `x`, expected separate memory"),
    ("leaky_relu", (X, np.nan), {}, ValueError, r"`negative_slope` is nan, expected a finite number"),
    ("leaky_relu_backward", (X, X, "0.1x"), {}, TypeError, r"`negative_slope` is '0.1x', expected a number"),
    ("tanh", (X, ones(3), 1.0), {}, TypeError, r"`gain` is array"), ("tanh_backward", (X, X, 1.0, None), {}, TypeError, r"`slope` is None"),
    ("leaky_relu_backward", (X, DY, 0.1), {}, ValueError, r"`dy` has shape \(2, 3, 4, 4\), expected \(2, 5, 6, 3\)"),
    ("add", (X, ones(3)), {}, ValueError, r"`b` has shape \(3,\), expected \(2, 5, 6, 3\)"),  # no broadcasting
    ("add", (X, X.astype(float)), {}, TypeError, r"`b` is float64, expected float32"),
    ("tanh_backward", (X, DY, 1.0, 1.0), {}, ValueError, r"`dy` has shape"),
    ("dropout", (X, 1.0), {"seed": 0, "offset": 0}, ValueError, r"`p` is 1, expected a number below 1"),
    ("dropout", (X, -0.1), {"seed": 0, "offset": 0}, ValueError, r"`p` is -0.1, expected a finite number from 0 to 1"),
    ("dropout", (X, np.nan), {"seed": 0, "offset": 0}, ValueError, r"`p` is nan, expected a finite number"),
    ("dropout", (X, "half"), {"seed": 0, "offset": 0}, TypeError, r"`p` is 'half', expected a number"),
    ("dropout", (X, 0.5), {"seed": -1, "offset": 0}, ValueError, r"`seed` is -1, expected at least 0"),
    ("dropout", (X, 0.5), {"seed": 2**64, "offset": 0}, ValueError, r"`seed` is 18446744073709551616, expected at most"),
    ("dropout", (X, 0.5), {"seed": 0, "offset": 1.5}, TypeError, r"`offset` is 1.5, expected an integer"),
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
    ("cooccurrences", (X,), {}, TypeError, r"`maps` is float32, expected bool"),
    ("cooccurrences", (X[0] > 0,), {}, ValueError, r"`maps` has 3 axes \(5, 6, 3\), expected 4"),
    ("cooccurrences", (X > 0, 6), {}, ValueError, r"`radius` is 6, expected at most 5"),
    ("cooccurrences", (X > 0, -1), {}, ValueError, r"`radius` is -1, expected at least 0"),
    ("cooccurrences", (X > 0, 1.0), {}, TypeError, r"`radius` is 1.0, expected an integer"),
    ("sgd_step", (B, ones(5), B), {"lr": 0.1, "momentum": 0, "weight_decay": 0}, ValueError, r"`dw` has shape \(5,\), expected \(4,\)"),
    ("sgd_step", (B, B, B), {"lr": np.nan, "momentum": 0, "weight_decay": 0}, ValueError, r"`lr` is nan, expected a finite number"),
    ("sgd_step", (B, B, B), {"lr": np.inf, "momentum": 0, "weight_decay": 0}, ValueError, r"`lr` is inf, expected a finite number"),
    ("sgd_step", (B, B, B), {"lr": 0.1, "momentum": "x", "weight_decay": 0}, TypeError, r"`momentum` is 'x', expected a number"),
    ("sgd_step", (read_only(B), B, B), {"lr": 0.1, "momentum": 0, "weight_decay": 0}, ValueError, r"`w` is read-only"),
]


@pytest.mark.parametrize("kind", ["native", "reference"])
@pytest.mark.parametrize("name, args, kwargs, error, message", BOTH, ids=[f"{name}: {message[:50]}" for name, *_, message in BOTH])
def test_both_kinds_of_kernels_refuse_it_by_name(native, kind, name, args, kwargs, error, message):
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        getattr(C if kind == "native" else R, name)(*args, **kwargs)


@pytest.mark.parametrize("name, args, kwargs, argument", [
    ("conv2d", (X.astype(float), W.astype(float)), {}, "x"), ("conv2d_input", (X.shape, W.astype(float), DY), {}, "w"),
    ("conv2d_weight", (X.astype(float), W.shape, DY), {}, "x"), ("conv2d_bias", (DY.astype(float),), {}, "dy"),
    ("linear", (ones(2, 3, dtype=float), ones(3, 4, dtype=float)), {}, "x"), ("relu", (X.astype(float),), {}, "x"),
    ("relu_backward", (X.astype(float), X.astype(float)), {}, "y"), ("add", (X.astype(float), X.astype(float)), {}, "a"),
    ("max_pool2d", (X.astype(float), 2), {}, "x"), ("softmax", (LOGITS.astype(float),), {}, "x"),
    ("dropout", (X.astype(float), 0.5), {"seed": 0, "offset": 0}, "x"), ("tanh", (X.astype(float), 1, 1), {}, "x"),
    ("leaky_relu", (X.astype(float), 1), {}, "x"), ("leaky_relu_backward", (X.astype(float), X.astype(float), 1), {}, "x"),
    ("cross_entropy", (LOGITS.astype(float), [0, 1, 2]), {}, "logits"),
    ("sgd_step", (B.astype(float),) * 3, {"lr": 0.1, "momentum": 0, "weight_decay": 0}, "w"),
])
def test_the_c_kernels_refuse_float64_and_say_who_takes_it(native, name, args, kwargs, argument):
    with pytest.raises(TypeError, match=rf"^{name}: `{argument}` is float64, expected float32 .*kernels.use\('reference'\)"):
        getattr(C, name)(*args, **kwargs)


@pytest.mark.parametrize("algorithm", ["fft", "", None, 3, ["direct"]])
def test_an_unknown_algorithm_is_refused_with_the_known_ones(native, algorithm):
    with pytest.raises(ValueError, match=r"`algorithm` is .*, expected one of auto, batch_invariant, im2col, direct"):
        C.conv2d(X, W, algorithm=algorithm)


@pytest.mark.parametrize("kind", ["native", "reference"])
def test_out_that_overlaps_x_is_refused(native, kind):
    kernels, x = C if kind == "native" else R, ones(1, 4, 4, 3)
    for call in (lambda: kernels.conv2d(x, ones(1, 1, 3, 3), out=x), lambda: kernels.max_pool2d(x, 1, out=x),
                 lambda: kernels.avg_pool2d(x, 1, out=x)):
        with pytest.raises(ValueError, match="`out` overlaps `x`"):
            call()


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


@pytest.mark.parametrize("index", [-1, 30, 2**31 - 1, -(2**31)])
def test_an_index_outside_the_map_is_passed_over_in_c_and_refused_by_the_reference(native, index):
    """The C kernels do not look through an index that only max_pool2d makes; it must still not lead them out of the map."""
    wrong = np.full_like(INDEX, index)
    assert np.all(C.max_pool2d_backward(X.shape, wrong, POOLED, 2) == 0)
    with pytest.raises(ValueError, match=rf"`index` goes from {index} to {index}, expected 0 to 29"):
        R.max_pool2d_backward(X.shape, wrong, POOLED, 2)


def test_refused_calls_do_not_modify_their_arguments(native):
    with unchanged(X, W, B, DY, POOLED, INDEX, LOGITS):
        for name, args, kwargs, error, _ in BOTH:
            with suppress(error):
                getattr(C, name)(*args, **kwargs)


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_random_calls_never_crash_and_never_modify_their_inputs(native, seed):
    """See fuzz.py. In a process of its own, so that a crash is seen."""
    examples = os.environ.get("FUZZ_CALLS", "1500")
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "tests.kernels.fuzz", str(seed), examples], cwd=ROOT,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
