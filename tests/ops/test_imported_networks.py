"""The operations that imported networks need: what PyTorch and ONNX Runtime answer, at kinks and infinities too, and values by hand."""

from itertools import product

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, ops
from minigoog.ops.resize import COORDINATES, ROUNDINGS
from tests.answers import asked
from tests.ops.records import apart
from tests.strategies import numbers

MAP = (1, 5, 4, 6)
CURVES = {  # ours, theirs by the name of a function and its arguments
    "clip": (lambda x: ops.clip(x, -1, 2), "clamp", (-1, 2)), "clip, low above high": (lambda x: ops.clip(x, 1, -1), "clamp", (1, -1)),
    "hard_sigmoid": (ops.hard_sigmoid, "nn.functional.hardsigmoid", ()), "hard_swish": (ops.hard_swish, "nn.functional.hardswish", ()),
    "sigmoid": (ops.sigmoid, "sigmoid", ()), "silu": (ops.silu, "nn.functional.silu", ()),
    "elu": (lambda x: ops.elu(x, 1.3), "nn.functional.elu", (1.3,)), "gelu": (ops.gelu, "nn.functional.gelu", ()),
    "gelu, tanh": (lambda x: ops.gelu(x, "tanh"), "nn.functional.gelu", ("tanh",)),
}  # fmt: skip
POINTS = np.array([-np.inf, -100, -6, -3.5, -3, -1, -0.3, -0.0, 0, 0.2, 1, 2, 3, 4, 6, 100, np.inf, np.nan], np.float32)


def torchs(name):
    """The function of PyTorch of this dotted name."""
    import torch

    found = torch
    for part in name.split("."):
        found = getattr(found, part)
    return found


@asked("torch", *CURVES)
def pytorchs_curve(name):
    import torch

    x = torch.tensor(POINTS, requires_grad=True)
    _, function, settings = CURVES[name]
    settings = {"approximate": "tanh"} if settings == ("tanh",) else settings
    y = torchs(function)(x, **settings) if isinstance(settings, dict) else torchs(function)(x, *settings)
    y.sum().backward()
    return {"y": y.detach().numpy(), "dx": x.grad.numpy()}


@pytest.mark.parametrize("kind", mg.kernels.BACKENDS)
@pytest.mark.parametrize("name", CURVES)
def test_values_and_gradients_are_pytorchs_at_kinks_infinities_and_nan_too(name, kind):
    theirs = pytorchs_curve(name)
    x = Tensor(POINTS, requires_grad=True)
    with mg.kernels.use(kind):
        y = CURVES[name][0](x)
        y.backward(np.ones_like(POINTS))
    assert np.allclose(y.data, theirs["y"], rtol=1e-6, atol=1e-6, equal_nan=True)
    known = np.isfinite(POINTS)  # the gradients of PyTorch itself are NaN at some infinities
    assert np.allclose(x.grad[known], theirs["dx"][known], rtol=2e-6, atol=2e-6)


MAPS = {  # ours, and theirs on NCHW
    "lrn": (lambda x: ops.lrn(x, 5, 0.9, 0.75, 2.0), lambda F, x: F.local_response_norm(x, 5, 0.9, 0.75, 2.0)),
    "lrn, wider than the map": (lambda x: ops.lrn(x, 15, 2.0, 0.6), lambda F, x: F.local_response_norm(x, 15, 2.0, 0.6, 1.0)),
    "channel_shuffle": (lambda x: ops.channel_shuffle(x, 3), lambda F, x: torchs("channel_shuffle")(x, 3)),
    "pad": (lambda x: ops.pad(x, (1, 2, 3, 4), 1.5), lambda F, x: F.pad(x, (2, 4, 1, 3), value=1.5)),
    "pad, reflect": (lambda x: ops.pad(x, (1, 2, 3, 3), mode="reflect"), lambda F, x: F.pad(x, (2, 3, 1, 3), "reflect")),
    "pad, edge": (lambda x: ops.pad(x, (1, 2, 3, 6), mode="edge"), lambda F, x: F.pad(x, (2, 6, 1, 3), "replicate")),
    "nearest": (lambda x: ops.resize(x, (11, 3), "nearest", "asymmetric", "floor"), lambda F, x: F.interpolate(x, (11, 3))),
    "nearest-exact": (lambda x: ops.resize(x, (11, 3), rounding="round_prefer_ceil"),
                      lambda F, x: F.interpolate(x, (11, 3), mode="nearest-exact")),
    "bilinear": (lambda x: ops.resize(x, (11, 3), "linear", "half_pixel"), lambda F, x: F.interpolate(x, (11, 3), mode="bilinear")),
    "bilinear, corners": (lambda x: ops.resize(x, (11, 3), "linear", "align_corners"),
                          lambda F, x: F.interpolate(x, (11, 3), mode="bilinear", align_corners=True)),
    "prelu": (lambda x: ops.prelu(x, Tensor(SLOPES)), lambda F, x: F.prelu(x, tensor(SLOPES))),
    "log_softmax": (ops.log_softmax, lambda F, x: F.log_softmax(x, 1)),
    "broadcast": (lambda x: x * ops.reshape(ops.global_avg_pool2d(x), (1, 1, 1, 6)) + Tensor(SLOPES),
                  lambda F, x: x * x.mean((2, 3), keepdim=True) + tensor(SLOPES).reshape(6, 1, 1)),
}  # fmt: skip
SLOPES = np.array([0.1, -0.2, 0.3, 2, 0, 1], np.float32)


def tensor(array):
    import torch

    return torch.tensor(array)


def nchw(array):
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2))


@asked("torch", *MAPS)
def pytorchs_map(name):
    import torch

    x = torch.tensor(nchw(numbers(0, MAP)), requires_grad=True)
    y = MAPS[name][1](torch.nn.functional, x)
    (y * y).sum().backward()
    return {"y and dx": np.concatenate([a.numpy().transpose(0, 2, 3, 1).ravel() for a in (y.detach(), x.grad)])}


@pytest.mark.parametrize("name", MAPS)
def test_values_and_gradients_of_maps_are_pytorchs(name):
    theirs = pytorchs_map(name)["y and dx"]
    x = Tensor(numbers(0, MAP), requires_grad=True)
    y = MAPS[name][0](x)
    (y * y).sum().backward()
    assert np.allclose(y.data.ravel(), theirs[: y.size], rtol=1e-5, atol=1e-5)
    assert np.allclose(x.grad.ravel(), theirs[y.size :], rtol=1e-4, atol=1e-4)


TRANSPOSED = {
    "plain": {}, "stride": {"stride": 2, "padding": 1, "output_padding": 1}, "groups": {"groups": 2, "stride": (1, 3)},
    "dilated": {"stride": (2, 1), "padding": (0, 1), "output_padding": (1, 0), "dilation": (1, 2)},
    "one for each channel": {"groups": 6, "stride": 2},
}  # fmt: skip


def transposed_arrays(name):
    groups = TRANSPOSED[name].get("groups", 1)
    return numbers(0, MAP), numbers(1, (3, 4, 2, 6)), numbers(2, (2 * groups,))


@asked("torch", *TRANSPOSED)
def pytorchs_transposed_convolution(name):
    import torch

    x, w, b = transposed_arrays(name)
    x, w, b = (torch.tensor(a, requires_grad=True) for a in (nchw(x), w.transpose(3, 2, 0, 1).copy(), b))
    y = torch.nn.functional.conv_transpose2d(x, w, b, **TRANSPOSED[name])
    (y * y).sum().backward()
    grads = x.grad.numpy().transpose(0, 2, 3, 1), w.grad.numpy().transpose(2, 3, 1, 0), b.grad.numpy()
    return {"shape": y.permute(0, 2, 3, 1).shape, "loss": float((y * y).sum())} | dict(zip(("dx", "dw", "db"), grads, strict=True))


@pytest.mark.parametrize("name", TRANSPOSED)
def test_a_transposed_convolution_and_its_gradients_are_pytorchs(isa, name):
    theirs = pytorchs_transposed_convolution(name)
    x, w, b = (Tensor(a, requires_grad=True) for a in transposed_arrays(name))
    y = ops.conv_transpose2d(x, w, b, **TRANSPOSED[name])
    loss = (y * y).sum()
    loss.backward()
    assert y.shape == tuple(theirs["shape"]) and np.isclose(loss.item(), theirs["loss"], rtol=1e-5)
    for ours, key in ((x, "dx"), (w, "dw"), (b, "db")):
        assert np.abs(ours.grad - theirs[key]).max() <= 1e-5 * np.abs(theirs[key]).max(), key


def scattered(x, w, b, stride, padding, dilation, output_padding):
    """A transposed convolution by its definition: each number times the filter, added up on a map whose edges are then cut off."""
    kh, kw, cout, _ = w.shape
    size = [(n - 1) * stride + dilation * (k - 1) + 1 + output_padding for n, k in zip(x.shape[1:3], (kh, kw), strict=True)]
    y = np.zeros((len(x), *size, cout))
    for i, j, ky, kx in np.ndindex(*x.shape[1:3], kh, kw):
        y[:, i * stride + ky * dilation, j * stride + kx * dilation] += x[:, i, j].astype(np.float64) @ w[ky, kx].T
    return (y + b)[:, padding : size[0] - padding, padding : size[1] - padding]


@pytest.mark.parametrize(("stride", "dilation", "output_padding"), [(1, 2, 1), (1, 3, 2), (2, 3, 2), (2, 4, 3)])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_output_padding_may_reach_the_stride_where_the_dilation_is_larger(stride, dilation, output_padding, padding):
    """PyTorch's rule, `output padding must be smaller than either stride or dilation`: the last rows are then the bias alone, or those
    that the padding does not cut off."""
    x, w, b = numbers(0, (2, 4, 3, 5)), numbers(1, (3, 2, 4, 5)), numbers(2, (4,))
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": output_padding}
    y = ops.conv_transpose2d(Tensor(x), Tensor(w), Tensor(b), **settings).data
    assert np.allclose(y, scattered(x, w, b, **settings), rtol=1e-5, atol=1e-5)
    assert mg.gradcheck(lambda *a: ops.conv_transpose2d(*a, **settings), [x, w, b], samples=6)


# ---- resizing: every rule of ONNX, on ramps, whose resized values say which pixels they came from ----

SIZES = [(1, 1), (1, 5), (2, 7), (3, 2), (5, 1), (7, 4), (7, 11), (7, 76), (10, 52), (12, 12), (14, 16), (31, 8)]
SCALES = [(5, 2.5), (7, 0.6), (9, 1.4), (4, 3.3)]
RULES = [("nearest", c, r) for c, r in product(COORDINATES, ROUNDINGS)] + [("linear", c, "floor") for c in COORDINATES]


@asked("onnxruntime", *("|".join(rule) for rule in RULES))
def onnx_runtimes_resized_ramps(rule):
    rows = [resized_by_onnx_runtime(*rule.split("|"), n, sizes=[1, 1, 1, out]) for n, out in SIZES]
    rows += [resized_by_onnx_runtime(*rule.split("|"), n, scales=[1, 1, 1, scale]) for n, scale in SCALES]
    return {"rows": np.concatenate(rows)}


def resized_by_onnx_runtime(mode, coordinates, rounding, n, sizes=None, scales=None):
    """A row 0, 1, ..., n - 1, resized."""
    import onnxruntime
    from onnx import TensorProto, helper

    nearest = {"nearest_mode": rounding} if mode == "nearest" else {}
    names = ["x", "", "" if scales is None else "size", "size" if scales is None else ""]
    node = helper.make_node("Resize", names, ["y"], mode=mode, coordinate_transformation_mode=coordinates, **nearest)
    size = helper.make_tensor("size", TensorProto.INT64 if scales is None else TensorProto.FLOAT, [4], sizes or scales)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 1, None]) for name in "xy")
    graph = helper.make_graph([node], "resize", [x], [y], [size])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.arange(n, dtype=np.float32).reshape(1, 1, 1, n)})[0].ravel()


@pytest.mark.parametrize("rule", RULES, ids="|".join)
def test_every_rule_of_resizing_is_onnx_runtimes(rule):
    theirs = onnx_runtimes_resized_ramps("|".join(rule))["rows"]
    cases = [(n, out, None) for n, out in SIZES] + [(n, int(n * scale), (1.0, scale)) for n, scale in SCALES]
    assert len(theirs) == sum(out for _, out, _ in cases)
    for n, out, scale in cases:
        row = Tensor(np.arange(n, dtype=np.float32).reshape(1, 1, n, 1))
        expected, theirs = np.split(theirs, [out])
        assert np.allclose(ops.resize(row, (1, out), *rule, scale=scale).data.ravel(), expected, rtol=1e-5, atol=1e-5), (n, out)


# ---- by hand ----


def test_local_response_normalisation_by_hand():
    x = Tensor(np.array([[1.0, 2.0, 3.0]], np.float32))
    y = ops.lrn(x, 3, alpha=3.0, beta=0.5, k=1.0).data[0]  # d = 1 + the sum of squares of three neighbours
    assert np.allclose(y, [1 / np.sqrt(6), 2 / np.sqrt(15), 3 / np.sqrt(14)])
    with pytest.raises(ValueError, match="lrn: `size` is 4, expected an odd number"):
        ops.lrn(x, 4)


@pytest.mark.parametrize(("beta", "n"), [(0.75, 1), (0.75, 2), (0.3, 3)])
def test_blocks_and_threads_of_local_response_normalisation_do_not_show(beta, n, threads):
    x = numbers(0, (3, 31, 37, 33))
    threads(n)
    y, dy = ops.lrn(Tensor(x), 5, 1.0, beta).data, numbers(1, x.shape)
    alone = np.concatenate([ops.lrn(Tensor(row[None, None]), 5, 1.0, beta).data for row in x.reshape(-1, 37, 33)], axis=1)
    assert np.array_equal(y.reshape(alone.shape), alone)
    whole = Tensor(x, requires_grad=True)
    ops.lrn(whole, 5, 1.0, beta).backward(dy)
    first = Tensor(x[:1, :1], requires_grad=True)
    ops.lrn(first, 5, 1.0, beta).backward(dy[:1, :1])
    assert np.array_equal(whole.grad[:1, :1], first.grad)


def test_shuffled_channels_come_from_each_group_in_turn():
    y = ops.channel_shuffle(Tensor(np.arange(6, dtype=np.float32)), 2)
    assert y.data.tolist() == [0, 3, 1, 4, 2, 5] and ops.channel_shuffle(y, 3).data.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("message, call", [
    ("channel_shuffle: `groups` is 4, expected a divisor of the 6 channels", lambda x: ops.channel_shuffle(x, 4)),
    (r"pad: `x` has a height of 5, expected at least 6 for `padding` \(5, 0, 0, 0\), mode 'reflect'",
     lambda x: ops.pad(x, (5, 0, 0, 0), mode="reflect")),
    ("pad: `padding` is 2, expected four integers", lambda x: ops.pad(x, 2)),
    ("prelu: `slope` has shape", lambda x: ops.prelu(x, Tensor([0.1, 0.2]))),
    ("conv_transpose2d: `w` takes 5 channels but `x` has 6", lambda x: ops.conv_transpose2d(x, Tensor(numbers(0, (2, 2, 3, 5))))),
    ("conv_transpose2d: `groups` is 4, expected a divisor of the 6 channels", lambda x: ops.conv_transpose2d(x, W, groups=4)),
    (r"conv_transpose2d: `output_padding` is \(2, 2\), expected less than the stride \(2, 2\) or the dilation \(1, 1\)",
     lambda x: ops.conv_transpose2d(x, W, stride=2, output_padding=2)),
    (r"conv_transpose2d: `padding` is \(4, 4, 4, 4\), expected less: it leaves -2 rows", lambda x: ops.conv_transpose2d(x, W, padding=4)),
    (r"add: `b` has shape \(5,\), expected \(1, 5, 4, 6\), but for axes of length 1", lambda x: x + Tensor(numbers(0, (5,)))),
    ("resize: `x` has no pixels", lambda x: ops.resize(Tensor(np.ones((1, 0, 2, 1), np.float32)), 3)),
])  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(message, call):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        call(Tensor(numbers(0, MAP)))


W = Tensor(numbers(0, (2, 2, 1, 6)))


def test_a_broadcast_operand_gets_the_sum_of_its_gradients():
    a, b = Tensor(apart(0, 2, 3, 4), requires_grad=True), Tensor(apart(1, 3, 1), requires_grad=True)
    with mg.kernels.use("reference"):
        (a + b).sum().backward()
        (a * b).sum().backward()
    assert np.allclose(b.grad, 8 + a.data.sum(axis=(0, 2))[:, None]) and np.allclose(a.grad, 1 + np.broadcast_to(b.data, a.shape))
