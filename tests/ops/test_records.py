"""What must hold for every operation beside its gradient, tried on every call of tests/ops/records.py."""

import inspect
import operator

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, ops
from minigoog.compile.rules import RULES as COMPILED
from minigoog.inspection.rules import has_rule
from minigoog.op import Op
from tests.kernels.judge import same_bits
from tests.kernels.test_wrong_arguments import FLAGS, INTEGERS, NUMBERS, WRONG
from tests.ops.records import RECORDS, tensors
from tests.strategies import in_wider, numbers

IN_NUMPY = {  # operations that a compiled plan runs in NumPy, between its C kernels
    "AdaptiveAvgPool2d", "BatchNorm2d", "Connect", "ConvTranspose2d", "CrossEntropy", "GELU", "LogSoftmax", "Mean", "Pad", "Power",
    "PReLU", "Resize", "SparseConv2d", "SquaredDistance", "Sum", "Transpose",
}  # fmt: skip
each = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)


def operations():
    """Every class of operation in minigoog.ops."""
    def below(kind):
        return [kind, *(k for sub in kind.__subclasses__() for k in below(sub))]

    return {kind for kind in below(Op)[1:] if kind.__module__.startswith("minigoog.ops.")}


def gradients(record, given):
    """(result, gradients) of a record on these tensors."""
    y = record.run(*given)
    y.backward(numbers(9, y.shape).astype(y.dtype))
    return [y.data, *(x.grad for x in given)]


def refusal(record, given, **settings):
    """The message with which a call is refused, which names its function; None if it is not refused."""
    try:
        record.run(*given, **settings)
    except (TypeError, ValueError, IndexError) as error:
        assert str(error).startswith(f"{record.function}: ") and ("`" in str(error) or "the window's" in str(error)), error
        return str(error)


# ---- there is a record ----


def test_every_operation_and_every_function_has_a_record():
    assert {record.function for record in RECORDS.values()} == set(ops.__all__) - {"channel_slices"}
    seen = {type(op) for record in RECORDS.values() for op in record.run(*tensors(record)).tape()}
    assert operations() == seen
    for name in {record.function for record in RECORDS.values()} - {"concat"}:
        of_name = [record for record in RECORDS.values() if record.function == name]
        given = {argument for record in of_name for argument in (*record.tensors, *record.settings)}
        assert not inspect.signature(getattr(ops, name)).parameters.keys() - given - {"out", "training", "algorithm", "start_dim"}, name


def test_every_operation_has_a_rule_to_be_explained_by_and_one_to_be_compiled_by_or_runs_in_numpy():
    for kind in operations():
        assert has_rule(kind.__new__(kind)), kind
        assert (kind in COMPILED) != (kind.__name__ in IN_NUMPY), kind


# ---- the same result whatever surrounds it ----


@each
def test_nothing_is_recorded_under_no_grad_and_the_result_is_the_same(record):
    y = record.run(*tensors(record))
    with mg.no_grad():
        alone = record.run(*tensors(record))
    assert same_bits(alone.data, y.data) and alone.op is None and not alone.requires_grad and y.op is not None
    assert record.run(*tensors(record, requires_grad=False)).op is None


@each
def test_a_replay_gives_the_same_result_and_gradients_even_under_no_grad(record):
    expected, given = gradients(record, tensors(record)), tensors(record)
    y = record.run(*given)
    with mg.no_grad():
        assert len(list(y.tape().replay())) == len(y.tape())
    y.backward(numbers(9, y.shape))
    assert all(same_bits(np.array(a), np.array(b)) for a, b in zip([y.data, *(x.grad for x in given)], expected, strict=True))


@each
@pytest.mark.parametrize("kind", mg.kernels.BACKENDS)
def test_tensors_that_are_slices_of_wider_maps_are_computed_or_refused_by_name(record, kind):
    with mg.kernels.use(kind):
        expected = gradients(record, tensors(record))
        for i, name in enumerate(record.tensors):
            for a in (in_wider(expected_x := tensors(record)[i].data, 2, 1), np.repeat(expected_x, 2, -1)[..., ::2]):
                given = tensors(record)
                given[i] = Tensor(a, requires_grad=True)
                try:
                    record.run(*given)
                except ValueError as error:
                    function = "add" if record.function == "sub" else record.function  # a - b is a + -b
                    assert kind == "native" and str(error).startswith(f"{function}: `{name}` has strides")
                    continue
                for got, b in zip(gradients(record, given), expected, strict=True):
                    assert np.allclose(got, b, rtol=2e-5, atol=2e-5)


@each
@pytest.mark.parametrize("kind", mg.kernels.BACKENDS)
def test_no_images_give_no_results_and_no_gradients(record, kind):
    with mg.kernels.use(kind):
        given = [Tensor(x.data[:0] if name in record.images else x.data, requires_grad=True)
                 for name, x in zip(record.tensors, tensors(record), strict=True)]  # fmt: skip
        if record.images:
            y, *dxs = gradients(record, given)
            assert y.size == 0 or record.function == "sum"
            assert all(dx.shape == x.shape and not dx.any() for x, dx in zip(given, dxs, strict=True))


# ---- what it refuses ----


@each
def test_what_is_no_tensor_is_refused_by_name(record):
    for i, name in enumerate(record.tensors):
        for wrong in (None, "x", np.ones(3, np.float32), [1.0]):
            optional = name == "b" and wrong is None and record.function in ("conv2d", "conv_transpose2d", "linear", "sparse_conv2d")
            if not optional:
                given = tensors(record)
                given[i] = wrong
                assert f"{record.function}: `{name}` is " in refusal(record, given), (name, wrong)


@each
def test_tensors_of_other_shapes_or_types_are_computed_or_refused_by_name(record):
    for i, x in enumerate(tensors(record)):
        for a in (x.data[..., None], x.data.reshape(-1), np.float32(3), np.concatenate([x.data, x.data], axis=-1), x.data[..., :1]):
            given = tensors(record)
            given[i] = Tensor(a, requires_grad=True)
            if refusal(record, given) is None:
                gradients(record, given)  # what forward takes, backward takes
        mixed = tensors(record)
        mixed[i] = Tensor(x.data.astype(np.float64))
        with mg.kernels.use("reference"):
            assert (refusal(record, mixed) is None) == (len(mixed) == 1)


SETTINGS = WRONG | {
    **dict.fromkeys(("exponent", "label_smoothing", "p"), NUMBERS), **dict.fromkeys("ab", [None, "x", np.nan, np.ones(2)]),
    "output_size": [None, "1", 1.5, True, 0, 2**70, (1, 2, 3)], "shape": [None, "x", 1.5, True, (2.0, 3), (7, 7), (-2, 3), (-1, -1)],
    "start_dim": INTEGERS, "training": FLAGS, "index": ["x", 1.5, (0, 0, 0), 99, Tensor([1.0])],
    "sample_weights": ["x", 3, np.ones(2), np.ones((3, 1)), np.ones(3, int)],
    "codes": [None, "x", np.ones(4), np.ones((5, 3))],
    "inputs": [None, "x", [0.5, 1, 2], [0, 1, 3], [-1, 0, 1], [0, 1]], "outputs": [None, "x", [0.5, 1, 0], [0, 1, 2], [0, 1]],
    "channels": [None, 3, (3, 2, 1), (3, -2), (3.0, 2)],
    **dict.fromkeys(("low", "high"), ["x", np.nan, np.ones(2)]), **dict.fromkeys(("alpha", "beta", "k", "value"), NUMBERS),
    "output_padding": [None, "1", 1.5, -1, 2, (0, 2), (1, 1, 1)], "approximate": ["erf", None],
    "size": [*INTEGERS, 4], "axes": [None, 3, (0, 1), (0, 0, 1), (0, 1, 3), (0, 1.0, 2)],
    **dict.fromkeys(("mode", "coordinates", "rounding"), ["cubic", "", None, 3]), "scale": [3, (1.0, 0), (1.0, np.nan), ("x", 1.0)],
}  # fmt: skip


@each
def test_settings_of_a_wrong_kind_are_refused_by_name(record):
    wrong = [(name, value) for name in record.settings for value in SETTINGS[name] if (name, value is None) != ("stride", True)
             or "pool" not in record.function]  # fmt: skip
    for name, value in wrong:
        refused = refusal(record, tensors(record), **{name: value})
        assert refused is not None and f"`{name}` " in refused, (name, value, refused)


@pytest.mark.parametrize("message, compute", [
    *((rf"{name}: `b` has shape \(3,\), expected \(2,\), but for axes of length 1", getattr(operator, name if name != "div" else "truediv"))
      for name in ("add", "sub", "mul", "div")),
    (r"power: `exponent` is a Tensor of shape \(3,\), expected a number", lambda x, y: x**y),
    (r"linear: `x` has 1 axes \(2,\), expected 2", lambda x, y: x @ y), (r"linear: `w` is float, expected a Tensor", lambda x, y: x @ 3.0),
    (r"div: `a` is an array of shape \(2,\), expected a number", lambda x, y: np.ones(2) / x),
    (r"sub: `a` is 'x', expected a number", lambda x, y: "x" - x),
    (r"index: `index` is 5, but `x` has shape \(2,\)", lambda x, y: x[5]),
])  # fmt: skip
def test_an_operator_names_the_function_that_it_stands_for(message, compute):
    with pytest.raises((TypeError, ValueError, IndexError), match=f"^{message}"):
        compute(Tensor([1.0, 2.0]), Tensor([1.0, 2.0, 3.0]))
