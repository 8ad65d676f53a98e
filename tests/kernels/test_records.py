"""What must hold for every kernel, tried on every call of tests/kernels/records.py: the value, `out`, strides, what is refused."""

import functools
import inspect
import itertools

import numpy as np
import pytest

from minigoog.checks import check_out
from minigoog.kernels import native as C
from minigoog.kernels import reference as R
from tests.kernels.judge import U, same_bits, unchanged
from tests.kernels.records import RECORDS, RETURNED
from tests.strategies import in_wider, wide_out

KINDS = ("native", "reference")
kinds = pytest.mark.parametrize("kind", KINDS)
kernels = pytest.mark.parametrize("name", RECORDS)
with_out = pytest.mark.parametrize("name", [name for name in RECORDS if "out" in inspect.signature(getattr(R, name)).parameters])


def floats(call):
    """The names of the arrays of floats among the arguments of a call."""
    return [name for name, a in call.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def run(kind, name, call):
    """The arrays that a call returns; of a kernel that changes its arguments, the changed ones."""
    call = call | {argument: call[argument].copy(order="K") for argument in RECORDS[name].written if isinstance(call[argument], np.ndarray)}
    returned = getattr(C if kind == "native" else R, name)(**call)
    arrays = returned if isinstance(returned, tuple) else (returned, *(call[argument] for argument in RECORDS[name].written))
    return [a for a in arrays if a is not None]


@functools.cache
def exact(name, i):
    """What call `i` returns in float64, by the reference."""
    call = RECORDS[name].calls[i]
    return run("reference", name, call | {argument: call[argument].astype(np.float64) for argument in floats(call)})


def assert_close(name, got, expected):
    for a, b in zip(got, expected, strict=True):
        limit = RECORDS[name].error * U * max(1, np.abs(b).max(initial=0))
        assert a.shape == b.shape and np.all(np.abs(a - b) <= limit), np.abs(a - b).max() / limit


def message(kind, name, call):
    """The message with which a call is refused, which names the function; None if it is not refused."""
    try:
        run(kind, name, call)
    except (TypeError, ValueError) as error:
        assert str(error).startswith(f"{name}: ") and ("`" in str(error) or "window" in str(error)), f"{kind}: {error}"
        return str(error)


def result(name, call):
    return run("reference", name, call)[0]


def test_every_kernel_has_a_record_with_every_argument_in_it():
    assert RECORDS.keys() == set(R.__all__) - {"empty"}
    for name, record in RECORDS.items():
        given = {argument for call in record.calls for argument in call} | RETURNED
        assert not inspect.signature(getattr(R, name)).parameters.keys() - given, name


# ---- what it computes ----


@kinds
@kernels
def test_it_computes_what_the_reference_computes_in_float64(native, kind, name):
    for i, call in enumerate(RECORDS[name].calls):
        with unchanged(*(a for a in call.values() if isinstance(a, np.ndarray))):
            results = run(kind, name, call)
        assert_close(name, results, exact(name, i))
        assert all(a.dtype in (np.float32, np.int32, np.uint16) and a.flags.writeable for a in results)
        for a, b in itertools.product(results, call.values()):
            assert not (isinstance(b, np.ndarray) and np.shares_memory(a, b)), "a result shares memory with an argument"


@kinds
@kernels
def test_it_computes_the_same_on_slices_of_the_channels_of_wider_maps(native, kind, name):
    for i, call in enumerate(RECORDS[name].calls):
        sliced = {argument: in_wider(call[argument], 3, 2) for argument in RECORDS[name].slices if call.get(argument, np.zeros(())).ndim}
        with unchanged(*sliced.values()):
            assert_close(name, run(kind, name, call | sliced), exact(name, i))


def strided(a):
    """`a` with strides that few kernels take: (how, array)."""
    wide = np.repeat(a, 2, -1)
    yield "every second value", wide[..., ::2]
    yield "reversed", np.ascontiguousarray(a[..., ::-1])[..., ::-1]
    yield "transposed", np.ascontiguousarray(a.T).T
    yield "every second row", np.repeat(a, 2, 0)[::2]
    if a.ndim == 4:
        yield "cropped", np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, 1:-1, 1:-1]
    yield "not aligned", np.frombuffer(b"?" + a.tobytes(), a.dtype, offset=1).reshape(a.shape)


@kernels
def test_arrays_with_other_strides_are_computed_or_refused_by_name(native, name):
    for i, call in enumerate(RECORDS[name].calls):
        for argument in [argument for argument in floats(call) if call[argument].ndim]:
            for how, a in strided(call[argument]):
                same = call | {argument: a}
                assert argument in RECORDS[name].written or assert_close(name, run("reference", name, same), exact(name, i)) is None
                if refused := message("native", name, same):
                    assert f"`{argument}` " in refused and ("has strides" in refused or "aligned" in refused or "read-only" in refused), how
                else:
                    assert_close(name, run("native", name, same), exact(name, i))


@with_out
def test_out_with_other_strides_is_written_or_refused_by_name(native, name):
    for call in RECORDS[name].calls:
        y = result(name, call)
        for how, out in strided(y) if y.ndim else ():
            if out.flags.writeable:
                written = run("reference", name, call | {"out": out})[:1]
                assert_close(name, written, [y])  # not the same bits: NumPy's exp depends on alignment
                if refused := message("native", name, call | {"out": out}):
                    assert "`out` has strides" in refused, how
                else:
                    assert same_bits(np.array(out), run("native", name, call)[0]), how


# ---- out ----


@kinds
@with_out
def test_out_gets_the_result_and_is_returned(native, kind, name):
    for call in RECORDS[name].calls:
        expected = run(kind, name, call)
        for pads in ((0, 0), (3, 2)) if expected[0].ndim else ((0, 0),):
            whole, out = wide_out(expected[0].shape, *pads) if any(pads) else (None, np.full_like(expected[0], -7))
            got = run(kind, name, call | {"out": out})
            assert got[0] is out and all(same_bits(np.array(a), np.array(b)) for a, b in zip(got, expected, strict=True))
            out[...] = -7
            assert whole is None or np.all(whole == -7), "wrote beside the slice"


@kinds
@with_out
def test_out_that_does_not_fit_is_refused(native, kind, name):
    for call in RECORDS[name].calls:
        y = np.zeros_like(result(name, call))
        frozen = y.copy()
        frozen.flags.writeable = False
        again = np.lib.stride_tricks.as_strided(np.zeros(max(y.size, 1), np.float32), y.shape, (0,) * y.ndim)
        for out, fault in ((np.zeros((*y.shape, 1), np.float32), "has shape"), (y.astype(float), "is float64"), (frozen, "is read-only"),
                           (y.tolist(), "expected a NumPy array"), (again, "has strides")):
            if fault != "has strides" or y.size > 1:
                assert f"{name}: `out` " in message(kind, name, call | {"out": out}) and fault in message(kind, name, call | {"out": out})


@kinds
@with_out
def test_out_that_overlaps_any_input_in_part_is_refused(native, kind, name):
    for call in RECORDS[name].calls:
        y = result(name, call)
        for argument in [argument for argument in floats(call) if y.size and call[argument].size > 1]:
            a = call[argument]
            for first in (a.size - 1, 1):  # they have one element in common, or many
                memory = np.zeros(a.size + y.size, np.float32)
                memory[: a.size] = a.reshape(-1)
                inputs, out = {argument: memory[: a.size].reshape(a.shape)}, memory[first : first + y.size].reshape(y.shape)
                assert message(kind, name, call | inputs | {"out": out}).startswith(f"{name}: `out` overlaps `{argument}`, expected")


@kinds
@with_out
def test_out_is_an_input_itself_only_where_the_kernel_says_so(native, kind, name):
    for call in RECORDS[name].calls:
        expected = run(kind, name, call)
        for argument in [argument for argument in floats(call) if call[argument].shape == expected[0].shape and expected[0].size]:
            a = call[argument].copy()
            if argument in RECORDS[name].in_place:
                assert same_bits(run(kind, name, call | {argument: a, "out": a[...]})[0], expected[0])
            else:
                assert f"`out` overlaps `{argument}`, expected separate memory" in message(kind, name, call | {argument: a, "out": a})


@kinds
@with_out
def test_out_and_an_input_may_be_two_slices_of_one_map(native, kind, name):
    """They lie between one another and have no element in common: how the branches of an Inception module write."""
    for call in RECORDS[name].calls:
        expected = run(kind, name, call)[0]
        for argument in [argument for argument in RECORDS[name].slices if call.get(argument, np.zeros(())).ndim and expected.size]:
            a = call[argument]
            if a.shape[:-1] == expected.shape[:-1]:
                whole = np.concatenate([a, expected + 1], axis=-1)
                out = whole[..., a.shape[-1] :]
                assert same_bits(np.array(run(kind, name, call | {argument: whole[..., : a.shape[-1]], "out": out})[0]), expected)
                assert same_bits(np.array(whole[..., : a.shape[-1]]), a)


@kinds
def test_the_arrays_that_a_step_of_sgd_writes_share_no_memory_with_the_others(native, kind):
    call = RECORDS["sgd_step"].calls[0]
    memory = np.zeros(2 * call["w"].size, np.float32)
    n = call["w"].size
    for (first, second), start in itertools.product((("w", "dw"), ("v", "dw"), ("v", "w")), (0, 1, n - 1)):
        a, b = memory[:n].reshape(call["w"].shape), memory[start : start + n].reshape(call["w"].shape)
        with pytest.raises(ValueError, match=f"^sgd_step: `{first}` overlaps `{second}`, expected separate memory"):
            (C if kind == "native" else R).sgd_step(**call | {first: a, second: b})


def test_slices_of_one_map_overlap_if_and_only_if_they_have_an_element_in_common():
    r = np.random.default_rng(0)
    memory, places = np.zeros((3, 5, 4, 12), np.float32), np.arange(720).reshape(3, 5, 4, 12)
    found = set()
    for _ in range(400):
        cuts = [tuple(slice(*sorted(r.integers(0, n + 1, 2)), r.integers(1, 3)) for n in memory.shape) for _ in range(2)]
        out, x = (memory[cut] for cut in cuts)
        overlap = bool(np.intersect1d(*(places[cut] for cut in cuts)).size)
        found.add(overlap)
        try:
            assert check_out("f", out, out.shape, np.float32, x=x) is out and not overlap, cuts
        except ValueError:
            assert overlap, cuts
    assert found == {True, False}
