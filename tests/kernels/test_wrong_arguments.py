"""Every argument of every kernel, given wrong things: an error that names the kernel and the argument, the same for both kinds."""

import inspect

import numpy as np
import pytest

from minigoog.kernels import reference as R
from tests.kernels.records import RECORDS, RETURNED
from tests.kernels.test_records import floats, kinds, message

NUMBERS = [None, "x", np.nan, np.inf, True, [1.0], np.ones(2), 1j]
INTEGERS = [None, "1", 1.5, True, -1, 2**70, [1], np.array([1, 1])]
FLAGS = [None, "yes", 1, 0.0, np.ones(2)]
SHAPES = [None, 5, (1, 2), "abcd", (1, 2.0, 3, 4), (1, -2, 3, 4), (1, 2, 3, 2**70), (True, 2, 3, 4)]
WRONG = {
    "algorithm": ["fft", "", None, 3, ["direct"]], "pattern": [None, "x", np.ones((3, 3, 2, 4), np.float32)], "x_shape": SHAPES,
    "w_shape": SHAPES, "index": [None, [0], 3], "maps": [None, [True], np.ones((1, 2, 2, 1))],
    **{name: [None, "x", [[0, 1]], np.ones((1, 2)), np.ones((1, 2), bool), np.full((9, 2, 3), -1, np.int32), np.zeros((), np.int32)]
       for name in ("segments", "values", "neighbours", "sizes", "boxes", "colours", "textures")},
    "similarity": ["", "X", "CC", None, 3, ["C"]], "n_bins": [None, "5", 5.0, True, 0, 3, 257],
    "labels": [None, "x", 1.5, [0.5], [[0]], [9]],
    **dict.fromkeys(("relu", "nesterov", "ceil_mode", "count_include_pad", "with_index"), FLAGS),
    **dict.fromkeys(("groups", "seed", "offset", "radius", "min_size"), INTEGERS),
    **dict.fromkeys(("stride", "padding", "dilation", "kernel_size"),
                    [*INTEGERS[:-2], [1], (1, 2, 3), np.array([1, 1]), [[1], 1], (1, -1)]),
    **dict.fromkeys(("low", "high"), [value for value in NUMBERS if value is not np.inf]),
    **dict.fromkeys(("p", "alpha", "beta", "gain", "slope", "negative_slope", "scale", "eps", "lr", "momentum", "weight_decay",
                     "k", "decay"), NUMBERS),
}  # fmt: skip
VALID = {("max_pool2d", "stride"), ("max_pool2d_backward", "stride"), ("avg_pool2d", "stride"), ("avg_pool2d_backward", "stride")}  # None


def arguments():
    """(kernel, argument, one wrong value) for each argument but the arrays of floats and `out`."""
    for name, record in RECORDS.items():
        arrays = {argument for call in record.calls for argument in floats(call)}
        for argument in inspect.signature(getattr(R, name)).parameters.keys() - arrays - RETURNED:
            yield from ((name, argument, value) for value in WRONG[argument] if value is not None or (name, argument) not in VALID)


@kinds
@pytest.mark.parametrize("name", RECORDS)
def test_arguments_of_a_wrong_kind_are_refused_by_name(native, kind, name):
    for other, argument, value in arguments():
        if other == name:
            for call in RECORDS[name].calls:
                refused = message(kind, name, call | {argument: value})
                assert refused is not None, f"{argument}={value!r} was accepted"
                assert f"`{argument}` " in refused and ", expected " in refused, f"{argument}={value!r}: {refused}"


def no_arrays_of_floats(a):
    """What is given in the place of the array `a`."""
    yield from (None, "x", 3.0, a.tolist(), np.float32(3), a.astype(int), a.astype(np.float16), a.astype(complex), a.astype(">f4"), a > 0)


@kinds
@pytest.mark.parametrize("name", RECORDS)
def test_what_is_no_array_of_floats_is_refused_by_name(native, kind, name):
    for call in RECORDS[name].calls:
        for argument in floats(call):
            for value in no_arrays_of_floats(call[argument]):
                if not (value is None and argument == "b"):
                    refused = message(kind, name, call | {argument: value})
                    assert refused and f"{name}: `{argument}` is " in refused, (argument, value, refused)


@pytest.mark.parametrize("name", RECORDS)
def test_float64_is_refused_by_the_c_kernels_and_never_mixed_with_float32(native, name):
    call = RECORDS[name].calls[0]
    for argument in floats(call):
        double = call | {argument: call[argument].astype(np.float64)}
        assert f"`{argument}` is float64, expected float32" in message("native", name, double)
        assert (message("reference", name, double) is None) == (len(floats(call)) == 1)
    if floats(call):
        everything = call | {argument: call[argument].astype(np.float64) for argument in floats(call)}
        assert "kernels.use('reference')" in message("native", name, everything)


def other_shapes(a):
    """Arrays of other shapes than `a`: an axis more, one less, each axis longer, shorter, empty."""
    yield from (a[..., None], a[None], a.reshape(-1), np.zeros((), a.dtype))
    for axis in range(a.ndim):
        one = a.take(range(min(1, a.shape[axis])), axis)
        yield from (np.concatenate([a, one], axis), a.take(range(a.shape[axis] // 2), axis), a.take(range(0), axis))


@pytest.mark.parametrize("name", RECORDS)
def test_arrays_of_other_shapes_are_taken_or_refused_alike_by_both_kinds(native, name):
    for call in [call for call in RECORDS[name].calls if call.get("algorithm") != "winograd"]:  # which takes few windows, in C only
        for argument in [argument for argument, a in call.items() if isinstance(a, np.ndarray)]:
            for a in other_shapes(call[argument]):
                refused = message("native", name, call | {argument: np.ascontiguousarray(a).reshape(a.shape)})
                assert refused == message("reference", name, call | {argument: a}), (argument, a.shape)
