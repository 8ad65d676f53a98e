"""Networks of Caffe as graphs: which layers, values, weights and inputs they have, in both versions, with and without a text."""

import os
from pathlib import Path

import numpy as np
import pytest

from minigoog.formats import caffe
from minigoog.reading import DamagedFile

from .caffe_files import Layer, caffemodel, prototxt
from .caffe_networks import TEST, TRAIN, Googlenet, as_deployed, as_trained, caffenet, every_layer, few_layers, pooling

REAL = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "googlenet-caffe"
INPUTS = {"data": (10, 3, 9, 9)}


@pytest.fixture
def read(tmp_path):
    """A function that reads a network from files with these bytes and this text."""

    def from_files(data, text=None):
        (tmp_path / "net.caffemodel").write_bytes(data)
        if text is not None:
            (tmp_path / "deploy.prototxt").write_text(text)
        return caffe.read(tmp_path / "net.caffemodel", None if text is None else tmp_path / "deploy.prototxt")

    return from_files


def same(a, b):
    """Whether two graphs compute the same; their outputs may have other names."""
    weights = a.weights.keys() == b.weights.keys() and all(np.array_equal(a.weights[name], b.weights[name]) for name in a.weights)
    return weights and [node._replace(attributes={}) for node in a.nodes] == [node._replace(attributes={}) for node in b.nodes]


# ---- both versions ----


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("how", [{}, {"packed": False}, {"double": True}, {"double": True, "packed": False}], ids=str)
def test_a_network_has_its_layers_as_operations_and_its_weights_as_they_are(read, version, how):
    layers = few_layers(np.random.default_rng(0))
    graph = read(caffemodel(layers, version, "few", INPUTS, **how))
    assert [node.op for node in graph.nodes] == ["Conv", "Relu", "LRN", "AveragePool", "Flatten", "Gemm"]
    assert [node.name for node in graph.nodes] == ["conv", "relu", "norm", "pool", "fc/flatten", "fc"]
    assert graph.inputs == {"data": (None, 3, 9, 9)} and graph.outputs == ("fc",) and graph.opset == 17
    assert graph.metadata == {"producer": "caffe", "name": "few"} and graph.file.endswith("net.caffemodel")
    blobs = dict(zip(("conv.weight", "conv.bias", "fc.weight", "fc.bias"), layers[0].blobs + layers[4].blobs, strict=True))
    assert graph.weights.keys() == blobs.keys()
    for name, array in blobs.items():
        assert graph.weights[name].dtype == np.float32 and np.array_equal(graph.weights[name], array), name


def test_attributes_are_those_of_onnx(read):
    graph = read(caffemodel(every_layer(np.random.default_rng(0)), 2, "every", {"data": (1, 3, 19, 23)}))
    attributes = {node.name: dict(node.attributes) for node in graph.nodes}
    assert attributes["conv1"] == {"kernel_shape": (3, 5), "strides": (2, 1), "pads": (1, 2, 1, 2), "dilations": (1, 1), "group": 1}
    assert attributes["conv2"]["dilations"] == (2, 2) and attributes["conv2"]["group"] == 2
    assert attributes["pool1"] == {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (0, 0, 0, 0), "ceil_mode": 1}
    assert attributes["pool2"]["count_include_pad"] == 1 and "count_include_pad" not in attributes["rows"]
    assert attributes["norm2"] == pytest.approx({"size": 3, "alpha": 0.5, "beta": 0.75, "bias": 1.0})
    assert attributes["fc1"] == {"transB": 1} and attributes["prob"] == {"axis": 1}


def test_a_layer_that_writes_where_it_reads_writes_a_new_value(read):
    graph = read(caffemodel(every_layer(np.random.default_rng(0)), 2, "every", {"data": (1, 3, 19, 23)}))
    values = [value for node in graph.nodes for value in node.outputs]
    assert len(set(values)) == len(values)
    chain = [node for node in graph.nodes if node.name.startswith(("conv1", "relu1", "pool1"))]
    assert all(after.inputs[0] == before.outputs[0] for before, after in zip(chain, chain[1:], strict=False))


def test_batch_normalisation_divides_its_sums_by_the_factor(read):
    mean, variance = np.array([3.0, 6.0], np.float32), np.array([1.5, 4.5], np.float32)
    for factor, scale in ((3.0, 3), (0.0, np.inf)):
        layer = Layer("BatchNorm", "bn", "data", "bn", {}, (mean, variance, np.array([factor], np.float32)))
        graph = read(caffemodel([layer], 2, "", {"data": (1, 2, 4, 4)}))
        found = [graph.weights[f"bn.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
        assert np.array_equal(found, [[1, 1], [0, 0], mean / scale, variance / scale])
        assert graph.nodes[0].attributes["epsilon"] == pytest.approx(1e-5)


# ---- training files, and texts ----


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_training_gives_the_network_without_data_layers_losses_and_heads(read, version):
    few = few_layers(np.random.default_rng(0))
    head = [
        Layer("InnerProduct", "head/fc", "conv", "head/fc", {"inner_product_param": {"num_output": 1}}, (np.ones((1, 98)), np.ones(1))),
        Layer("SoftmaxWithLoss", "head/loss", "head/fc label", "head/loss"),
        Layer("Accuracy", "accuracy", "fc label", "accuracy", TEST),
        Layer("Data", "data", "", "data label", TRAIN | {"transform_param": {"crop_size": 9, "scale": 0.5, "mean_value": [1.0, 2.0, 3.0]}}),
        Layer("InnerProduct", "odd", "nothing", "fc", {"inner_product_param": {"num_output": 1}} | TRAIN),
    ]
    loss = Layer("SoftmaxWithLoss", "loss", "fc label", "loss")
    graph = read(caffemodel([head[3], *few[:2], *head[:2], *few[2:], loss, head[2], head[4]], version))
    assert same(graph, read(caffemodel([*few, Layer("Softmax", "loss", "fc", "loss")], 2, "", INPUTS)))
    assert graph.inputs == {"data": (None, 3, 9, 9)} and graph.outputs == ("loss",)
    assert graph.metadata == {"producer": "caffe", "name": "net", "mean": "[1.0, 2.0, 3.0]", "scale": "0.5"}


@pytest.mark.parametrize("versions", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_a_text_says_which_layers_there_are_and_the_file_gives_their_weights(read, versions):
    few = few_layers(np.random.default_rng(0))
    binary = caffemodel(as_trained(few, 9), versions[0])
    graph = read(binary, prototxt(as_deployed(few), versions[1], "few", INPUTS))
    assert same(graph, read(caffemodel([*few, Layer("Softmax", "prob", "fc", "prob")], 2, "", INPUTS)))
    assert graph.outputs == ("prob",) and graph.inputs == {"data": (None, 3, 9, 9)} and graph.file.endswith("deploy.prototxt")


INPUT_LAYER = 'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n'


@pytest.mark.parametrize(("before", "shape"), [
    ('input: "data"\ninput_shape { dim: 1 dim: 3 dim: 9 dim: 9 }\n', (None, 3, 9, 9)),
    ('input: "data" input_dim: [1, 3, 9, 9]\n', (None, 3, 9, 9)),
    (INPUT_LAYER, (None, 3, 9, 9)),
    ("input: 'data' # any size\n", (None, 3, None, None)),
    ('layer { type: "Data" top: "data" top: "label" transform_param { crop_size: 9 } include { phase: TEST } }', (None, 3, 9, 9)),
    ('layer < type: "Data", top: "da" "ta" ; exclude < phase: TEST > >', (None, 3, None, None)),
])  # fmt: skip
def test_the_input_is_found_wherever_a_text_names_it(read, before, shape):
    few = few_layers(np.random.default_rng(0))
    graph = read(caffemodel(few, 1), before + prototxt(as_deployed(few)))
    assert graph.inputs == {"data": shape}


def test_all_values_that_nothing_reads_are_outputs(read):
    few = few_layers(np.random.default_rng(0))
    second = pooling("two", "conv", "MAX", 3, 2)
    silent = [Layer("Split", "split", "conv", "three four"), pooling("five", "three", "MAX", 2, 1), Layer("Silence", "hush", "five", "")]
    assert read(caffemodel([*few, second, *silent], 2, "", INPUTS)).outputs == ("fc", "two")


# ---- refusals ----


def refused(read, layer, shape=(1, 4, 8, 8)):
    with pytest.raises(DamagedFile) as error:
        read(caffemodel([layer], 2, "", {"data": shape}))
    text = str(error.value)
    assert "net.caffemodel: layer `x` " in text and text.isprintable()
    return text


CONV = {"num_output": 2, "kernel_size": 1}
ONES = (np.ones((2, 4, 1, 1)), np.ones(2))


@pytest.mark.parametrize(("kind", "parameters", "blobs", "says"), [
    ("LRN", {"lrn_param": {"norm_region": "WITHIN_CHANNEL"}}, (), "has `norm_region` WITHIN_CHANNEL, of which minigoog has ACROSS"),
    ("LRN", {"lrn_param": {"local_size": 4}}, (), "has `local_size` 4, expected an odd number"),
    ("LRN", {"lrn_param": {"alpha": float("nan")}}, (), "has `alpha` nan, expected a finite number"),
    ("AbsVal", {}, (), r"(AbsVal) is of a type that minigoog does not have, expected one of Convolution, Deconvolution, InnerProduct,"),
    ("Permute\n", {}, (), r"(Permute\n) is of a type that minigoog does not have"),
    ("Pooling", {"pooling_param": {"pool": "STOCHASTIC", "kernel_size": 2}}, (), "has `pool` STOCHASTIC"),
    ("Pooling", {"pooling_param": {"pool": 7, "kernel_size": 2}}, (), "has `pool` 7, expected one of MAX, AVE, STOCHASTIC"),
    ("Pooling", {}, (), "has `kernel_size` 0, expected one or two integers from 1 on"),
    ("Pooling", {"pooling_param": {"kernel_size": 2, "pad": 2}}, (), "has padding 2x2 around windows of 2x2, expected less"),
    ("Pooling", {"pooling_param": {"kernel_size": 2, "stride": 0}}, (), "has `stride` 0, expected one or two integers from 1 on"),
    ("Convolution", {"convolution_param": CONV}, (), "has 0 arrays of parameters, expected 2"),
    ("Convolution", {"convolution_param": CONV | {"num_output": 3}}, ONES, "has weights 2x4x1x1, expected those of 3 outputs in 1 groups"),
    ("Convolution", {"convolution_param": CONV | {"group": 0}}, ONES, "has `group` 0, expected an integer from 1 on"),
    ("Convolution", {"convolution_param": CONV | {"group": 3}}, ONES, "in 3 groups"),
    ("Convolution", {"convolution_param": CONV | {"kernel_size": [1, 1, 1]}}, ONES, "has `kernel_size` 1, 1, 1, expected one or two"),
    ("Convolution", {"convolution_param": CONV | {"axis": 2}}, ONES, "has `axis` 2, of which minigoog has 1 only"),
    ("Convolution", {"convolution_param": CONV}, (ONES[0], np.ones(3)), "has 3 values in an array of parameters, expected 2"),
    ("InnerProduct", {"inner_product_param": {"num_output": 2, "axis": 2}}, ONES, "has `axis` 2"),
    ("InnerProduct", {"inner_product_param": {"num_output": 2}}, (np.ones((3, 4)), np.ones(2)),
     "has weights 3x4, expected those of 2 outputs"),
    ("BatchNorm", {}, (np.ones(4), -np.ones(4), np.ones(1)), "has a variance of -1.0, expected none below 0"),
    ("Scale", {"scale_param": {"axis": 0}}, (np.ones(1),), "has `axis` 0"),
    ("Scale", {"scale_param": {"num_axes": 2}}, (np.ones((4, 8)),), "has `num_axes` 2"),
    ("Power", {"power_param": {"power": 2.0}}, (), "has `power` 2.0, of which minigoog has 1 only"),
    ("Eltwise", {}, (), "reads 1 values with 0 coefficients, expected two or more"),
    ("Flatten", {"flatten_param": {"axis": 2}}, (), "has `axis` 2"),
    ("Flatten", {"flatten_param": {"end_axis": 2}}, (), "has `end_axis` 2"),
    ("Reshape", {"reshape_param": {"num_axes": 1}}, (), "and `num_axes` 1"),
    ("Dropout", {"dropout_param": {"dropout_ratio": 1.5}}, (), "has `dropout_ratio` 1.5"),
])  # fmt: skip
def test_what_is_not_supported_is_named_with_its_layer(read, kind, parameters, blobs, says):
    assert says in refused(read, Layer(kind, "x", "data", "y", parameters, blobs))


def test_a_layer_that_reads_or_writes_the_wrong_number_of_values_is_named(read):
    assert "reads `nothing`, which no layer before it writes" in refused(read, Layer("ReLU", "x", "nothing", "y"))
    assert "reads 2 values, expected 1" in refused(read, Layer("Scale", "x", "data data", "y"))
    assert "writes 2 values, expected 1" in refused(read, pooling("x", "data", "MAX", 2, 1)._replace(tops="y mask"))


def test_the_real_weights_give_bvlcs_googlenet(read):
    path = REAL / "bvlc_googlenet_hwio_f32.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in {REAL}: set MINIGOOG_DATA")
    layers = Googlenet(np.load(path)).layers
    graph = read(caffemodel(as_trained(layers), 1, "GoogleNet"))
    assert sum(array.size for name, array in graph.weights.items() if not name.endswith(".ratio")) == 6_998_552
    ops = [node.op for node in graph.nodes]
    assert {op: ops.count(op) for op in ops} == {"Conv": 57, "Relu": 57, "MaxPool": 13, "LRN": 2, "Concat": 9, "AveragePool": 1,
                                                 "Dropout": 1, "Flatten": 1, "Gemm": 1, "Softmax": 1}  # fmt: skip
    assert graph.inputs == {"data": (None, 3, 224, 224)} and graph.metadata["mean"] == "[104.0, 117.0, 123.0]"


def test_caffenet_has_groups_and_an_order_of_flattening(read):
    layers = caffenet(np.random.default_rng(0), divide=16, side=67)
    graph = read(caffemodel(layers, 1, "CaffeNet", {"data": (1, 3, 67, 67)}))
    assert [node.attributes["group"] for node in graph.nodes if node.op == "Conv"] == [1, 2, 1, 2, 2]
    assert sum(node.op == "Flatten" for node in graph.nodes) == 1  # before fc6: fc7 and fc8 read two axes
