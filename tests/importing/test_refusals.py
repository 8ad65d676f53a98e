"""What an importer refuses, it refuses with one line: the file, the node, its operation, and what is wrong."""

import numpy as np
import pytest

import minigoog as mg

from .judge import imported, model, random

pytest.importorskip("onnx")
MAP = {"x": ["n", 3, 6, 7]}
BATCH_NORM = {name: np.ones(3, np.float32) for name in "abcd"}
ONES = np.ones((2, 3, 1, 1), np.float32)


@pytest.mark.parametrize("nodes, stored, opset, match", [
    ([("LSTM", ["x"], ["y"], {})], {}, 17, r"node `n0` \(LSTM\): this operation is not supported, expected one of Add, AveragePool, "),
    ([("BatchNormalization", ["x", *"abcd"], ["y"], {"training_mode": 1})], BATCH_NORM, 15, r"node `n0` \(BatchNorm.*training_mode is 1"),
    ([("BatchNormalization", ["x", *"abcd"], ["y", "m", "v", "k", "l"], {})], BATCH_NORM, 9, "the file was exported in training mode"),
    ([("Dropout", ["x", "r", "t"], ["y"], {})], {"r": np.float32(0.5), "t": np.array(True)}, 13, "its training_mode is true"),
    ([("Dropout", ["x"], ["z", "m"], {}), ("Cast", ["m"], ["y"], {"to": 1})], {}, 13, "its result m is not supported"),
    ([("MaxPool", ["x"], ["z", "y"], {"kernel_shape": [2, 2]})], {}, 12, "its result y is not supported"),
    ([("MaxPool", ["x"], ["y"], {})], {}, 12, r"node `n0` \(MaxPool\): `kernel_shape` is None, expected two integers"),
    ([("MaxPool", ["x"], ["y"], {"kernel_shape": [2, 2, 2]})], {}, 12, "expected 2 integers: networks of images have two spatial axes"),
    ([("MaxPool", ["x"], ["y"], {"kernel_shape": [9, 9]})], {}, 12, "a window of 9 pixels on a map of 6"),
    ([("MaxPool", ["x"], ["y"], {"kernel_shape": [2, 2], "strides": [0, 1]})], {}, 12, "`strides` is .0, 1., expected integers from 1 on"),
    ([("Conv", ["x", "w"], ["y"], {})], {"w": np.ones((2, 3, 1), np.float32)}, 17, r"node `n0` \(Conv\): weights with 3 axes"),
    ([("Conv", ["x", "w"], ["y"], {})], {"w": np.ones((2, 4, 1, 1), np.float32)}, 17,
     r"weights \(2, 4, 1, 1\) in 1 groups on a map with 3 channels"),
    ([("Conv", ["x", "w"], ["y"], {"group": 0})], {"w": ONES}, 17, "in 0 groups"),
    ([("Conv", ["x", "w"], ["y"], {"auto_pad": "SOME"})], {"w": ONES}, 17, "`auto_pad` is 'SOME'"),
    ([("Conv", ["x", "w"], ["y"], {"kernel_shape": [3, 3]})], {"w": ONES}, 17, r"`kernel_shape` is \(3, 3\), expected \(1, 1\)"),
    ([("Conv", ["x", "x"], ["y"], {})], {}, 17, "its input 1 is computed from the network's input, expected a constant"),
    ([("LRN", ["x"], ["y"], {"size": 4})], {}, 13, r"node `n0` \(LRN\): `size` is 4, expected an odd number"),
    ([("ReduceMean", ["x"], ["y"], {"axes": [1]})], {}, 13, r"a mean over the axes \(1,\), expected the two axes of pixels"),
    ([("Resize", ["x", "", "s"], ["y"], {"mode": "cubic"})], {"s": np.float32([1, 1, 2, 2])}, 13, "resizing is cubic"),
    ([("Reshape", ["x", "s"], ["y"], {})], {"s": np.array([5, 7])}, 13, r"shape \(5, 7\) for a value of shape"),
    ([("Expand", ["v", "s"], ["e"], {}), ("Add", ["x", "e"], ["y"], {})],
     {"v": np.float32(1), "s": np.array([1 << 20, 1 << 20])}, 13, "out of few"),
    ([("ConstantOfShape", ["s"], ["e"], {}), ("Add", ["x", "e"], ["y"], {})], {"s": np.array([-1])}, 13, r"node `n0` \(ConstantOfShape\)"),
    ([("Range", ["a", "b", "c"], ["e"], {}), ("Add", ["x", "e"], ["y"], {})],
     dict.fromkeys("ac", np.array(1)) | {"b": np.array(1 << 60)}, 13, "makes 1,15"),
    ([("Relu", ["c"], ["y"], {})], {"c": ONES}, 13, "expected a value that is computed|no node reads an input"),
    ([("Pad", ["x", "p"], ["y"], {})], {"p": np.array([0, 1, 0, 0, 0, 0, 0, 0])}, 13, "padding of images or channels is not supported"),
    ([("Pad", ["x", "p"], ["y"], {"mode": "reflect"})], {"p": np.array([0, 0, 6, 0, 0, 0, 0, 0])}, 13, r"node `n0` \(Pad\).*a height of 6"),
    ([("Pad", ["x", "p", "v"], ["y"], {})], {"p": np.array([0, 0, 1, 0, 0, 0, 0, 0]), "v": np.float32(-np.inf)}, 13, "`value` is -inf"),
    ([("Resize", ["x", "", "", "s"], ["y"], {})], {"s": np.array([1, 6, 6, 7])}, 13, "images and channels are not resized"),
    ([("ConvTranspose", ["x", "w"], ["y"], {"output_padding": [2, 0], "strides": [2, 2]})], {"w": np.ones((3, 1, 2, 2), np.float32)}, 13,
     r"node `n0` \(ConvTranspose\): \(2, 0\) rows and columns more"),
])  # fmt: skip
def test_one_line_names_file_node_and_what_is_wrong(tmp_path, nodes, stored, opset, match):
    with pytest.raises(ValueError, match=match) as found:
        network = imported(model(nodes, MAP, ["y"], stored, opset), tmp_path)
        network(mg.Tensor(random(1, 6, 7, 3)))
    assert "\n" not in str(found.value) and len(str(found.value)) < 1500
    assert "network.onnx: " in str(found.value)


def test_another_number_of_inputs_is_refused_with_their_names(tmp_path):
    network = imported(model([("Add", ["x", "z"], ["y"], {})], {name: ["n", 3, 6, 7] for name in "xz"}, ["y"]), tmp_path)
    images = np.zeros((1, 6, 7, 3), np.float32)
    for run in (lambda: network(), lambda: network(mg.Tensor(images)), lambda: mg.compile(network, images.shape),
                lambda: mg.save_onnx(network, tmp_path / "again.onnx"), lambda: network.output_shapes(images.shape)):  # fmt: skip
        with pytest.raises(ValueError, match=r"network.onnx: given [01] inputs, expected 2: x, z \(load, compile and save_onnx take"):
            run()
    assert network(mg.Tensor(images), mg.Tensor(images)).shape == (1, 6, 7, 3)


def test_an_input_of_another_size_is_refused_with_the_expected_one(tmp_path):
    network = imported(model([("Relu", ["x"], ["y"], {})], MAP, ["y"]), tmp_path)
    with pytest.raises(ValueError, match=r"network.onnx: `x` has shape \(1, 3, 6, 7\), expected \[n, 6, 7, 3\]"):
        network(mg.Tensor(random(1, 3, 6, 7)))
