"""Each operation that can be written, alone in a graph, computed by ONNX Runtime if it is installed, else by onnx itself."""

from types import SimpleNamespace

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from minigoog.exporting import graph_of, save_onnx
from minigoog.exporting.rules import RULES
from minigoog.kernels.sparse_pattern import SparsePattern

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")

SIZE = (6, 5, 4)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


W, DEPTHWISE, B, ROW = random(3, 2, 4, 6), random(3, 3, 1, 4, seed=1), random(6, seed=2), random(120, 7, seed=3)
PATTERN = SparsePattern.from_mask(W > 0)
TENSORS = SimpleNamespace(
    w=mg.Tensor(W), depthwise=mg.Tensor(DEPTHWISE), b=mg.Tensor(B), row=mg.Tensor(ROW), c=mg.Tensor(random(4, seed=4)),
    d=mg.Tensor(random(4, seed=5)), map=mg.Tensor(random(1, *SIZE, seed=6)), up=mg.Tensor(random(2, 2, 3, 4, seed=7)),
    square=mg.Tensor(random(4, 4, seed=8)), values=mg.Tensor(PATTERN.gather(W)),
)  # fmt: skip
CODES = np.sign(random(3, 4, seed=9))
T = TENSORS
WRITTEN = {  # name: function of a map x [n, 6, 5, 4]
    "conv2d": lambda x: ops.conv2d(x, T.w, T.b, stride=(2, 1), padding=(1, 0)),
    "conv2d with relu": lambda x: ops.conv2d(x, T.w, T.b, relu=True),
    "depthwise": lambda x: ops.conv2d(x, T.depthwise, padding=1, groups=4),
    "sparse_conv2d": lambda x: ops.sparse_conv2d(x, T.values, T.b, pattern=PATTERN, padding=1),
    "conv_transpose2d": lambda x: ops.conv_transpose2d(x, T.up, stride=2, padding=1, output_padding=1),
    "linear on a map": lambda x: ops.linear(ops.relu(ops.flatten(x)), T.row),
    "linear with relu": lambda x: ops.linear(ops.global_avg_pool2d(x), T.square, T.d, relu=True),
    "flatten": lambda x: ops.flatten(x),
    "flatten, read twice": lambda x: ops.linear((row := ops.flatten(x)), T.row) * ops.mul(row, 2.0)[:, :7],
    "reshape to a map": lambda x: ops.relu(ops.reshape(x, (x.shape[0], 3, 10, 4))),
    "pixels as rows": lambda x: ops.reshape(ops.softmax(ops.reshape(x, (x.shape[0] * 30, 4))), x.shape),
    "a list of columns": lambda x: ops.relu(x[:, :, [3, 0, 0]]),
    "backwards": lambda x: ops.relu(x[:, ::-2, 3:1:-1]),
    "the image itself": lambda x: x,
    "avg_pool2d, dilated": lambda x: ops.avg_pool2d(x, 2, 1, dilation=(2, 1)),
    "max_pool2d": lambda x: ops.max_pool2d(x, 3, 2, 1),
    "max_pool2d, ceil mode": lambda x: ops.max_pool2d(x, (3, 2), 2, ceil_mode=True),
    "max_pool2d, a window dropped": lambda x: ops.max_pool2d(x, 2, 3, 1, ceil_mode=True),
    "avg_pool2d, ceil mode": lambda x: ops.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "max_pool2d, a dilated window that ends far outside": lambda x: ops.max_pool2d(x, 2, 3, (1, 0), dilation=2, ceil_mode=True),
    "adaptive_avg_pool2d": lambda x: ops.adaptive_avg_pool2d(x, (3, 1)),
    "global_avg_pool2d": lambda x: ops.global_avg_pool2d(x),
    "relu": lambda x: ops.relu(x),
    "leaky_relu": lambda x: ops.leaky_relu(x, 0.2),
    "prelu": lambda x: ops.prelu(x, T.c),
    "prelu of a row": lambda x: ops.prelu(ops.global_avg_pool2d(x), T.c),
    "tanh": lambda x: ops.tanh(x, gain=1.7159, slope=2 / 3),
    "clip": lambda x: ops.clip(x, 0, 1),
    "clip from below": lambda x: ops.clip(x, -0.5),
    "sigmoid": lambda x: ops.sigmoid(x),
    "hard_sigmoid": lambda x: ops.hard_sigmoid(x),
    "hard_swish": lambda x: ops.hard_swish(x),
    "silu": lambda x: ops.silu(x),
    "elu": lambda x: ops.elu(x, 0.7),
    "gelu": lambda x: ops.gelu(x),
    "gelu, tanh": lambda x: ops.gelu(x, "tanh"),
    "softmax": lambda x: ops.softmax(ops.global_avg_pool2d(x)),
    "log_softmax": lambda x: ops.log_softmax(ops.global_avg_pool2d(x)),
    "channel_affine": lambda x: ops.channel_affine(x, T.c, T.d),
    "channel_affine of a row": lambda x: ops.channel_affine(ops.global_avg_pool2d(x), T.c, T.d),
    "add": lambda x: ops.add(x, ops.relu(x)),
    "add a constant map": lambda x: ops.add(x, T.map),
    "mul by a channel's number": lambda x: ops.mul(x, T.c),
    "numbers": lambda x: 1 - (3 * x + 0.5) ** 2,
    "squeeze and excitation": lambda x: x * ops.reshape(ops.sigmoid(ops.global_avg_pool2d(x)), (x.shape[0], 1, 1, 4)),
    "squared_distance": lambda x: -ops.squared_distance(ops.global_avg_pool2d(x), CODES),
    "concat": lambda x: ops.concat([x, ops.relu(x), ops.max_pool2d(x, 3, 1, 1)]),
    "concat of rows": lambda x: ops.concat([ops.global_avg_pool2d(x), ops.sigmoid(ops.global_avg_pool2d(x))]),
    "transpose": lambda x: ops.relu(ops.transpose(x, (0, 2, 3, 1))),
    "channel_shuffle": lambda x: ops.relu(ops.channel_shuffle(x, 2)),
    "index": lambda x: ops.relu(x[:, 1:, ::2, 1:3]),
    "index the last axis": lambda x: ops.relu(x[..., 2:]),
    "pad": lambda x: ops.pad(x, (1, 2, 0, 3), 0.5),
    "pad, reflect": lambda x: ops.pad(x, (1, 2, 0, 3), mode="reflect"),
    "resize": lambda x: ops.resize(x, (12, 7), "nearest", "asymmetric", "floor"),
    "resize, linear": lambda x: ops.resize(x, (9, 10), "linear"),
    "resize of a moved map": lambda x: ops.resize(ops.transpose(x, (0, 3, 1, 2)), (13, 1), "linear"),
    "resize by factors": lambda x: ops.resize(x, (9, 10), "linear", scale=(1.6, 2.1)),
    "lrn": lambda x: ops.lrn(x, 3, 0.1, 0.75, 2.0),
}


class Function(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        return self.function(x)


def computed(path, x):
    """The outputs of an ONNX file."""
    feed = {"image": np.ascontiguousarray(x.transpose(0, 3, 1, 2))}
    try:
        import onnxruntime
    except ModuleNotFoundError:
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(str(path)).run(None, feed)
    return onnxruntime.InferenceSession(str(path)).run(None, feed)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_file_computes_what_the_operation_computes(name, tmp_path):
    if name == "lrn":
        pytest.importorskip("onnxruntime", reason="LRN: onnx's own evaluator is wrong, and ONNX Runtime is not installed")
    module, x = Function(WRITTEN[name]), random(3, *SIZE, seed=10)
    save_onnx(module, tmp_path / "net.onnx", SIZE)
    with mg.no_grad():
        y = module(mg.Tensor(x)).data
    [found] = computed(tmp_path / "net.onnx", x)
    expected = y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
    assert found.shape == expected.shape and np.abs(found - expected).max() <= 2e-6 * max(np.abs(expected).max(), 1)


def test_each_rule_is_tested():
    tapes = [mg.Tape(function(mg.Tensor(random(2, *SIZE), requires_grad=True))) for function in WRITTEN.values()]
    assert {type(op) for tape in tapes for op in tape} >= set(RULES)


REFUSED = {
    "mean": (lambda x: ops.mean(x), "mean is Mean, an operation that cannot be written"),
    "adaptive_avg_pool2d": (lambda x: ops.adaptive_avg_pool2d(x, 4), "averages 6x5 pixels to 4x4"),
    "images together": (lambda x: ops.reshape(x, (120,)), "changes the number of images"),
    "one row of all images": (lambda x: ops.reshape(x, (1, -1)), r"mixes images: .* shape \(1, 120\) for one, \(1, 240\) for two"),
    "one image": (lambda x: ops.reshape(x, (1, 120)), "the model takes one image, expected any number: with two, reshape: "),
    "other operations for several": (lambda x: ops.relu(x) if len(x) == 1 else ops.sigmoid(x), "runs other operations for two images"),
    "images moved": (lambda x: ops.transpose(x, (1, 0, 2, 3)), "moves the axis of the images"),
    "an integer": (lambda x: ops.relu(x[:, 0]), "is an index other than slices"),
    "an array": (lambda x: ops.relu(x[:, np.array([0, 2]), ..., :2]), "is an index other than slices"),
    "output padding": (lambda x: ops.conv_transpose2d(x, T.up, dilation=2, output_padding=1), r"output_padding of \(1, 1\) and a stride"),
    "computed weights": (lambda x: ops.linear(mg.Tensor(ROW[:1, :1]), ops.global_avg_pool2d(x)[:, :1]), "weights that are computed from"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_named(name, tmp_path):
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        graph_of(Function(function), SIZE)
