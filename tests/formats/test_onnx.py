"""Files of ONNX become graphs: all ways in which weights are stored, and one line for what is refused."""

import numpy as np
import pytest

from minigoog.formats import onnx as reader
from minigoog.reading import DamagedFile

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def model(weights=(), nodes=None, opset=17, ir=8, inputs=None, outputs=("y",)):
    nodes = [helper.make_node("Identity", ["x"], ["y"])] if nodes is None else nodes
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 5])] if inputs is None else inputs
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "test", given, results, list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def saved(path, proto):
    file = path / "network.onnx"
    file.write_bytes(proto.SerializeToString())
    return file


def read(path, proto):
    return reader.load(saved(path, proto))


def refused(path, proto, match):
    """That a model is refused with one line that names the file."""
    file = saved(path, proto)
    with pytest.raises(DamagedFile, match=match) as found:
        reader.load(file)
    assert str(found.value).startswith(str(file)) and "\n" not in str(found.value)


VALUES = np.array([[1.5, -2, 0.25], [3, 0, 100]])
KINDS = [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16]
INTEGERS = [TensorProto.INT64, TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT64]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [False, True], ids=["list", "bytes"])
def test_numbers_with_a_fraction_are_read_from_bytes_and_lists(tmp_path, kind, raw):
    tensor = helper.make_tensor("w", kind, VALUES.shape, VALUES.ravel())
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "w")
    found = read(tmp_path, model([tensor])).weights["w"]
    assert np.array_equal(found, VALUES) and found.dtype == (np.float64 if kind == TensorProto.DOUBLE else np.float32)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("raw", [False, True], ids=["list", "bytes"])
def test_integers_keep_their_type(tmp_path, kind, raw):
    values = np.array([3, 0, 100]) if kind != TensorProto.INT8 else np.array([3, -128, 100])
    tensor = helper.make_tensor("w", kind, values.shape, values)
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "w")
    found = read(tmp_path, model([tensor])).weights["w"]
    assert np.array_equal(found, values) and found.dtype == helper.tensor_dtype_to_np_dtype(kind)


def test_large_weights_stay_in_the_file_and_are_what_onnx_reads(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"w{i}": rng.standard_normal(size).astype(np.float32) for i, size in enumerate((3, 5000, 0, 70_000, 1024, 1025))}
    proto = model([numpy_helper.from_array(array, name) for name, array in arrays.items()])
    found = read(tmp_path, proto).weights
    assert list(found) == list(arrays) and all(np.array_equal(found[name], arrays[name]) for name in arrays)


def external(location, length=None, offset=None, dims=(3,)):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    facts = {"location": location, "offset": offset, "length": length}
    for key, value in facts.items():
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def test_weights_in_another_file_are_read_from_their_place(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"1234" + np.array([1, 2, 3], np.float32).tobytes())
    assert read(tmp_path, model([external("data/w.bin", 12, 4)])).weights["w"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("location, length, offset, match", [
    ("../w.bin", 12, 0, "its weights are in '../w.bin', expected a file in its folder"),
    ("/etc/passwd", 12, 0, "expected a file in its folder"),
    ("link", 12, 0, "expected a file in its folder"),
    ("a\\w.bin", 12, 0, "expected a file in its folder"),
    ("", 12, 0, "expected a file in its folder"),
    ("absent", 12, 0, "'absent', which is not in its folder"),
    ("w.bin", 8, 0, "8 bytes in 'w.bin', expected 12"),
    ("w.bin", 12, 8, "has 16 bytes, expected at least 20"),
    ("w.bin", 12, -4, "expected a number of bytes"),
    ("w.bin", 12, 10**19, "expected a number of bytes"),
    (".", 12, 0, "it is a folder"),
])  # fmt: skip
def test_other_files_are_read_only_inside_the_folder_and_within_their_length(tmp_path, location, length, offset, match):
    (tmp_path / "w.bin").write_bytes(bytes(16))
    outside = tmp_path / "outside"
    outside.write_bytes(bytes(16))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "w.bin").write_bytes(bytes(16))
    (folder / "link").symlink_to(outside)
    refused(folder, model([external(location, length, offset)]), match)


@pytest.mark.parametrize("opset", [7, 13, 28])
def test_opsets_from_7_to_28_are_read(tmp_path, opset):
    assert read(tmp_path, model(opset=opset)).opset == opset


@pytest.mark.parametrize("opset", [1, 6, 29, 10**9])
def test_other_opsets_are_refused_by_number(tmp_path, opset):
    refused(tmp_path, model(opset=opset), f"it has opset {opset}, expected one from 7 to 28")


def test_inputs_are_those_that_are_not_weights_and_free_axes_have_no_length(tmp_path):
    weights = [numpy_helper.from_array(np.ones(3, np.float32), "w")]
    shapes = {"x": ["n", 3, None, 5], "w": [3]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = read(tmp_path, model(weights, inputs=inputs, ir=3))
    assert graph.inputs == {"x": (None, 3, None, 5)} and graph.outputs == ("y",)


def test_attributes_of_all_kinds_become_python_values(tmp_path):
    node = helper.make_node("Op", ["x"], ["y"], name="n", f=0.5, i=3, s="text", fs=[0.5, 1.0], i2=[1, 2], ss=["a", "b"],
                            t=numpy_helper.from_array(np.arange(3)))  # fmt: skip
    found = read(tmp_path, model(nodes=[node])).nodes[0].attributes
    array = found.pop("t")
    assert found == {"f": 0.5, "i": 3, "s": "text", "fs": (0.5, 1.0), "i2": (1, 2), "ss": ("a", "b")} and array.tolist() == [0, 1, 2]


def identity(x, y, op="Identity", **more):
    return helper.make_node(op, [x], [y], **more)


@pytest.mark.parametrize("proto, match", [
    (model(nodes=[identity("x", "y", domain="com.microsoft", name="n1")]),
     r"node `n1` \(Identity\): an operation of the domain 'com.microsoft'"),
    (model(nodes=[identity("x", "y", op="Loop")]), r"node `y` \(Loop\): graphs within nodes are not supported"),
    (model(nodes=[identity("x", "y", op="QLinearConv")]), r"node `y` \(QLinearConv\): arithmetic on integers is not supported"),
    (model(nodes=[identity("a", "y"), identity("x", "a")]), r"node `y` \(Identity\) reads `a`, which no node before it writes"),
    (model(nodes=[identity("x", "y"), identity("x", "y")]), "writes `y`, which is there already"),
    (model(nodes=[identity("x", "z")]), "its output `y` is written by no node"),
    (model([numpy_helper.from_array(np.ones(2, np.float32), "w")] * 2), "two weights are called `w`"),
    (model([TensorProto(name="w", data_type=1, dims=[3], raw_data=bytes(8))]), "weights `w`: it has 8 bytes, expected 12"),
    (model([TensorProto(name="w", data_type=1, dims=[1 << 40, 1 << 40], raw_data=bytes(8))]), "weights `w`: it has 8 bytes, expected"),
    (model([TensorProto(name="w", data_type=1, dims=[-1], raw_data=b"")]), "weights `w`: it has shape"),
    (model([TensorProto(name="w", data_type=1, dims=[2], float_data=[1.0])]), "weights `w`: it has 1 values, expected 2"),
    (model([helper.make_tensor("w", TensorProto.STRING, [1], [b"a"])]), "weights `w`: it is of strings, expected numbers"),
    (model(inputs=[helper.make_tensor_value_info("x", TensorProto.INT64, [1])]), "input `x` is of type 7"),
    (model(nodes=[identity("x\x1b[2J", "y")]), r"reads `x\\x1b\[2J`"),
])  # fmt: skip
def test_what_no_network_here_has_is_refused_with_the_node(tmp_path, proto, match):
    refused(tmp_path, proto, match)


@pytest.mark.parametrize("data, match", [
    (b"", "it is empty"), (b"\x89PNG\r\n\x1a\n", "it is a PNG image"), (b"PK\3\4" + bytes(20), "it is a zip archive"),
    (b"a text\n", "it is text"), (bytes(range(1, 200)), "no ONNX model"),
])  # fmt: skip
def test_other_files_are_called_by_what_they_are(tmp_path, data, match):
    file = tmp_path / "network.onnx"
    file.write_bytes(data)
    with pytest.raises(DamagedFile, match=match):
        reader.load(file)


def test_a_truncated_file_is_refused(tmp_path):
    data = model([numpy_helper.from_array(np.ones(9000, np.float32), "w")]).SerializeToString()
    for length in (len(data) // 2, len(data) - 1):
        file = tmp_path / "network.onnx"
        file.write_bytes(data[:length])
        with pytest.raises(DamagedFile):
            reader.load(file)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        reader.load(tmp_path / "network.onnx")
