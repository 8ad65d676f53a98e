"""What broke in thousands of random graphs, each as the smallest graph that showed it; expected values by onnx's evaluator or by hand."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import importing
from minigoog.formats import onnx as reader

from .judge import distance, imported, model, random, run

pytest.importorskip("onnx")
TOLERANCE = 1e-5
INDEX, SWAPPED = np.array([2, 0]), {"perm": [0, 1, 3, 2]}
CASES = {
    "a list of rows, then a pool": (
        [("Gather", ["x", "i"], ["g"], {"axis": 2}), ("MaxPool", ["g"], ["y"], {"kernel_shape": [1, 1]})], {"i": INDEX}),
    "some channels, each with a scale": (
        [("Gather", ["x", "i"], ["g"], {"axis": 1}), ("Mul", ["g", "s"], ["m"], {}), ("Add", ["m", "b"], ["y"], {})],
        {"i": INDEX, "s": random(2, 1, 1), "b": random(2, 1, 1, seed=1)}),
    "parts of a split, each with scales of its own": (
        [("Split", ["x", "n"], ["p", "q"], {"axis": 1}), ("Mul", ["p", "s"], ["a"], {}), ("Mul", ["q", "t"], ["b"], {}),
         ("Concat", ["a", "b"], ["y"], {"axis": 1})],
        {"n": np.array([2, 2]), "s": random(2, 1, 1), "t": random(2, 1, 1, seed=1)}),
    "every other channel, flattened into pixels": (
        [("Slice", ["x", "a", "e", "c", "d"], ["p"], {}), ("Reshape", ["p", "s"], ["q"], {}), ("Softmax", ["q"], ["y"], {})],
        {"a": np.array([0]), "e": np.array([4]), "c": np.array([1]), "d": np.array([2]), "s": np.array([1, 4, -1])}),
    "zeros around a map, whose rows and columns are exchanged before the convolution": (
        [("Pad", ["x", "p"], ["a"], {}), ("Transpose", ["a"], ["t"], SWAPPED), ("Conv", ["t", "w"], ["y"], {})],
        {"p": np.array([0, 0, 1, 0, 0, 0, 2, 0]), "w": random(3, 4, 3, 3)}),
    "minus infinity around a map, whose rows and columns are exchanged before the pool": (
        [("Pad", ["x", "p", "v"], ["a"], {}), ("Transpose", ["a"], ["t"], SWAPPED), ("Transpose", ["t"], ["u"], SWAPPED),
         ("MaxPool", ["u"], ["y"], {"kernel_shape": [3, 2], "strides": [2, 2]})],
        {"p": np.array([0, 0, 1, 0, 0, 0, 2, 1]), "v": np.float32(-np.inf)}),
    "all channels, each half with rows and columns exchanged, side by side": (
        [("Split", ["x", "n"], ["p", "q"], {"axis": 1}), ("Transpose", ["p"], ["a"], SWAPPED), ("Transpose", ["q"], ["b"], SWAPPED),
         ("Concat", ["a", "b"], ["y"], {"axis": 1})], {"n": np.array([2, 2])}),
    "all channels, each for itself with rows and columns exchanged, side by side": (
        [node for i in "0123" for node in (
            ("Gather", ["x", i], [f"g{i}"], {"axis": 1}), ("Transpose", [f"g{i}"], [f"t{i}"], {"perm": [0, 2, 1]}),
            ("Unsqueeze", [f"t{i}", "axis"], [f"u{i}"], {}))] + [("Concat", ["u0", "u1", "u2", "u3"], ["y"], {"axis": 1})],
        {i: np.array(int(i)) for i in "0123"} | {"axis": np.array([1])}),
    "softmax over the columns of a map": ([("Softmax", ["x"], ["y"], {"axis": -1})], {}),
    "a factor for each column of a map": ([("Relu", ["x"], ["r"], {}), ("Mul", ["r", "f"], ["y"], {})], {"f": random(5)}),
    "a number with more axes than the value": (
        [("Flatten", ["x"], ["f"], {}), ("Mul", ["f", "n"], ["m"], {}), ("Pow", ["m", "p"], ["y"], {})],
        {"n": np.full((1, 1, 1), 2, np.float32), "p": np.full((1, 1, 1, 1), 2, np.float32)}),
    "more than 64 indices": (
        [("Flatten", ["x"], ["f"], {}), ("Gather", ["f", "i"], ["y"], {"axis": 1})], {"i": np.arange(120)[::-1].copy()}),
    "limits": ([("Max", ["low", "x"], ["m"], {}), ("Min", ["m", "high"], ["y"], {})], {"low": np.float32(-0.5), "high": np.float32(0.5)}),
    "the smaller of two maps": ([("Neg", ["x"], ["m"], {}), ("Min", ["x", "m"], ["y"], {})], {}),
    "a sum with a summand for each channel": ([("Sum", ["b", "x"], ["y"], {})], {"b": random(4, 1, 1)}),
}  # fmt: skip


@pytest.mark.parametrize("nodes, stored", CASES.values(), ids=CASES)
def test_a_graph_that_was_wrong_is_right(tmp_path, nodes, stored):
    from onnx.reference import ReferenceEvaluator

    proto, x = model(nodes, {"x": [1, 4, 6, 5]}, ["y"], stored), random(1, 4, 6, 5, seed=2)
    (got,), (expected,) = run(imported(proto, tmp_path), x), ReferenceEvaluator(proto).run(None, {"x": x})
    assert distance(got, expected) < TOLERANCE


def test_a_result_twice_and_one_named_as_a_module_are_written(tmp_path):
    """Names of results are the file's, which may be those of other values here, or of one value."""
    nodes = [("Relu", ["x"], ["n1"], {}), ("Sigmoid", ["n1"], ["s"], {}), ("Identity", ["s"], ["t"], {})]
    network = imported(model(nodes, {"x": [1, 3, 4, 4]}, ["t", "s", "n1"]), tmp_path)
    mg.save_onnx(network, tmp_path / "again.onnx")
    x = random(1, 4, 4, 3)
    with mg.no_grad():
        again = importing.network(reader.load(tmp_path / "again.onnx"))(mg.Tensor(x))
        for got, expected in zip(again, network(mg.Tensor(x)), strict=True):
            assert (got.data == expected.data).all()


def test_gradients_of_slices_add_up(tmp_path):
    """The gradient of a concatenation is slices, which reshapes must not pass on as maps with gaps."""
    nodes = [("Relu", ["x"], ["r"], {}), ("Concat", ["r", "r", "r"], ["c"], {"axis": 3}), ("Concat", ["c", "r"], ["y"], {"axis": 3})]
    network = imported(model(nodes, {"x": [1, 3, 5, 1]}, ["y"]), tmp_path)
    x = mg.Tensor(np.abs(random(1, 5, 1, 3)) + 1, requires_grad=True)
    network(x).sum().backward()
    assert (x.grad == 4).all()


def test_a_size_times_a_factor_is_rounded_as_float32(tmp_path):
    """10 x 2.3 is 23 in float32, as in ONNX Runtime, but below it in float64."""
    nodes = [("Resize", ["x", "", "s"], ["y"], {"mode": "nearest"})]
    network = imported(model(nodes, {"x": [1, 1, 10, 10]}, ["y"], {"s": np.float32([1, 1, 2.3, 2.3])}), tmp_path)
    assert network.output_shapes((1, 10, 10, 1)) == ((1, 23, 23, 1),)


def test_a_transposed_convolution_with_less_than_its_stride_is_not_enlarged(tmp_path):
    """(6 - 1) * 3 + 2 rows, in ONNX Runtime 1.32 and onnx's shape inference; onnx's evaluator makes 6 * 3."""
    nodes = [("ConvTranspose", ["x", "w"], ["y"], {"auto_pad": "SAME_UPPER", "strides": [3, 3]})]
    network = imported(model(nodes, {"x": [1, 4, 6, 5]}, ["y"], {"w": random(4, 2, 2, 2)}), tmp_path)
    assert network.output_shapes((1, 6, 5, 4)) == ((1, 17, 14, 2),)


def test_before_opset_11_a_shorter_axis_takes_the_next_pixel(tmp_path):
    """Rows by 0.7: of 0, 1.43, 2.86, 4.29 the next are 0, 2, 3, 5; columns by 1.5: of 0, 0.67, 1.33, ... the last. (ONNX Runtime 1.32)"""
    proto = model([("Resize", ["x", "s"], ["y"], {"mode": "nearest"})], {"x": [1, 1, 7, 4]}, ["y"], {"s": np.float32([1, 1, 0.7, 1.5])}, 10)
    x = np.arange(28, dtype=np.float32).reshape(1, 1, 7, 4)
    (got,) = run(imported(proto, tmp_path), x)
    assert (got[0, :, :, 0] == x[0, 0][np.ix_([0, 2, 3, 5], [0, 0, 1, 2, 2, 3])]).all()


@pytest.mark.parametrize("nodes, stored, shape, match", [
    ([("Conv", ["x", "w"], ["y"], {"pads": [1 << 20] * 4, "dilations": [1 << 20] * 2})], {"w": np.ones((1, 1, 3, 3), np.float32)},
     (1, 1, 8, 8), r"node `n0` \(Conv\): a result of shape \(1, 2097160, 2097160, 1\)"),
    ([("Resize", ["x", "", "", "s"], ["y"], {})], {"s": np.array([1, 1, 20000, 20000])}, (1, 1, 8, 8), r"\(Resize\): a result of"),
    ([("ConvTranspose", ["x", "w"], ["y"], {"strides": [1 << 20] * 2})], {"w": np.ones((1, 1, 3, 3), np.float32)}, (1, 1, 8, 8),
     "its output y: a result of shape"),
    ([("DepthToSpace", ["x"], ["y"], {"blocksize": 1 << 40})], {}, (1, 4, 8, 8), r"\(DepthToSpace\): `blocksize` is 1099511627776 on a"),
    ([("LRN", ["x"], ["y"], {"size": 1_000_001})], {}, (1, 4, 8, 8), "`size` is 1000001 on a map with 4 channels, expected at most twice"),
    ([("ConstantOfShape", ["s"], ["w"], {}),
      *(("MatMul", ["x" if i == 0 else f"v{i}", "w"], [f"v{i + 1}" if i < 99 else "y"], {}) for i in range(100))],
     {"s": np.array([2048, 2048])}, (1, 2048), "constants and weights that are computed take too much memory"),
])  # fmt: skip
def test_a_few_bytes_that_ask_for_gigabytes_are_refused(tmp_path, nodes, stored, shape, match):
    with pytest.raises(ValueError, match=rf"^{tmp_path}/network.onnx: .*{match}"):
        imported(model(nodes, {"x": shape}, ["y"], stored), tmp_path)


def test_a_softmax_of_nothing_and_odd_statistics_are_no_surprise(tmp_path):
    with pytest.raises(ValueError, match=r"network.onnx: node `n1` \(Softmax\): its input 0 is"):
        imported(model([("Relu", ["x"], ["r"], {}), ("Softmax", [], ["y"], {})], {"x": [1, 3, 4, 4]}, ["y"]), tmp_path)
    stored = dict.fromkeys("abcd", np.full(3, np.inf, np.float32))
    imported(model([("BatchNormalization", ["x", *"abcd"], ["y"], {})], {"x": [1, 3, 4, 4]}, ["y"], stored), tmp_path)


@pytest.mark.parametrize("op", ["Relu", "Softmax", "GlobalAveragePool"])
def test_an_input_without_axes_is_refused_by_its_name(tmp_path, op):
    with pytest.raises(ValueError, match=r"network.onnx: its input x is one number, expected an axis of images"):
        imported(model([(op, ["x"], ["y"], {})], {"x": []}, ["y"]), tmp_path)


@pytest.mark.parametrize("nodes", [
    [("Constant", [], ["k", "w"], {"value_float": 1.0}), ("Add", ["x", "w"], ["y"], {})],
    [("Constant", [], ["k"], {"value_float": 1.0}), ("Identity", ["k"], ["l", "w"], {}), ("Add", ["x", "w"], ["y"], {})],
    [("Shape", ["x"], ["s"], {}), ("Cast", ["s"], ["f", "w"], {"to": 1}), ("Add", ["x", "w"], ["y"], {})],
    [("Relu", ["x"], ["k", "w"], {}), ("Add", ["k", "w"], ["y"], {})],
])  # fmt: skip
def test_a_result_that_an_operation_does_not_have_is_named(tmp_path, nodes):
    with pytest.raises(ValueError, match=r"node `n[012]` \(\w+\): its result w is not supported, expected to be read by nothing"):
        imported(model(nodes, {"x": [1, 3, 4, 4]}, ["y"]), tmp_path)


def test_weights_that_are_scaled_beyond_float32_are_no_surprise(tmp_path):
    """Neither when the modules are made nor when the weights are first used; warnings are errors here."""
    nodes = [("Conv", ["x", "w"], ["c"], {}), ("BatchNormalization", ["c", *"abab"], ["y"], {})]
    stored = {"w": np.float32([[[[0]], [[1e38]], [[1]]]]), "a": np.float32([np.inf]), "b": np.float32([0])}
    network = imported(model(nodes, {"x": [1, 3, 4, 4]}, ["y"], stored), tmp_path)
    assert not np.isfinite(network.state_dict()["n0.weight"]).any()


def of_height(op, constant):
    """A convolution, then an operation with the constant made from the height."""
    return [("Conv", ["x", "w"], ["c"], {}), ("Shape", ["x"], ["s"], {}), ("Gather", ["s", "k"], ["g"], {"axis": 0}),
            ("Cast", ["g"], ["f"], {"to": 1}), *constant, (op, ["c", "f" if not constant else "e"], ["y"], {})]  # fmt: skip


def test_a_number_made_from_the_size_is_that_of_each_size(tmp_path):
    from onnx.reference import ReferenceEvaluator

    proto = model(of_height("Div", []), {"x": ["n", 3, "h", "w"]}, ["y"], {"w": random(4, 3, 1, 1), "k": np.array(2)})
    network = imported(proto, tmp_path)
    for height in (7, 8):
        x = random(1, 3, height, 5)
        assert distance(run(network, x)[0], ReferenceEvaluator(proto).run(None, {"x": x})[0]) < TOLERANCE


def test_an_array_made_from_the_size_is_for_one_size(tmp_path):
    nodes = of_height("Mul", [("Mul", ["f", "v"], ["e"], {})])
    stored = {"w": random(4, 3, 1, 1), "k": np.array(2), "v": random(4, 1, 1)}
    network = imported(model(nodes, {"x": ["n", 3, "h", "w"]}, ["y"], stored), tmp_path)
    run(network, random(1, 3, 224, 5))  # the size that free axes have when the modules are made
    with pytest.raises(ValueError, match=r"network.onnx: node `n5` \(Mul\): a constant that is computed from the size of the input"):
        run(network, random(1, 3, 8, 5))


def test_free_channels_are_those_of_the_first_convolution(tmp_path):
    nodes = [("Mul", ["x", "f"], ["m"], {}), ("Conv", ["m", "w"], ["y"], {"group": 2})]
    network = imported(model(nodes, {"x": ["n", "c", "h", "w"]}, ["y"], {"f": np.float32(2), "w": random(6, 2, 3, 3)}), tmp_path)
    assert network.input_size == (None, None, 4) and network.output_shapes((2, 8, 9, 4)) == ((2, 6, 7, 6),)


def test_a_module_path_of_thousands_of_parts_is_cut(tmp_path):
    from onnx import helper

    proto = model([], {"x": [1, 3, 4, 4]}, ["y"])
    proto.graph.node.append(helper.make_node("Relu", ["x"], ["y"], name=".".join("ab" * 3000)))
    assert len([*imported(proto, tmp_path).named_modules()]) == 41
