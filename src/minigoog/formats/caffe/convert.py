"""Each type of Caffe's layers as nodes of ONNX's operations. (https://caffe.berkeleyvision.org/tutorial/layers.html)"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...text import shape_text
from .builder import Builder
from .layers import Layer
from .schema import ENUMERATIONS, Message, one, part

Converter: TypeAlias = Callable[[Builder, Layer], str]  # adds a layer's nodes, and returns the name of the value that they make
Values: TypeAlias = NDArray[np.float32]


def _arrays(layer: Layer, n: int) -> tuple[Values, ...]:
    """The layer's `n` arrays of parameters."""
    if len(layer.blobs) != n:
        layer.refuse(f"has {len(layer.blobs)} arrays of parameters, expected {n}")
    return layer.blobs


def _vector(layer: Layer, array: Values, n: int) -> Values:
    """An array as one of one axis with `n` values; old files give it four."""
    if array.size != n:
        layer.refuse(f"has {array.size} values in an array of parameters, expected {n}")
    return array.reshape(n)


def _finite(layer: Layer, parameters: Message, name: str, default: float) -> float:
    value = float(one(parameters, name, default))
    if not math.isfinite(value):
        layer.refuse(f"has `{name}` {value}, expected a finite number")
    return value


def _choice(layer: Layer, parameters: Message, name: str, kind: str, default: str) -> str:
    """The name of an enumeration's value."""
    number = one(parameters, name, ENUMERATIONS[kind][default])
    for found, value in ENUMERATIONS[kind].items():
        if value == number:
            return found
    return layer.refuse(f"has `{name}` {number}, expected one of {', '.join(ENUMERATIONS[kind])}")


def _fixed(layer: Layer, parameters: Message, axes: int, **expected: int) -> None:
    """Refuses a layer that works along other axes than these, of which negative ones count from the end."""
    for name, value in expected.items():
        given = one(parameters, name, value)
        if given != value and given + axes != value:
            layer.refuse(f"has `{name}` {given}, of which minigoog has {value} only")


# ---- convolutions and linear layers ----


def _convolution(b: Builder, layer: Layer) -> str:
    """weight: [out, in / group, height, width], in a Deconvolution [in, out / group, height, width], as ONNX has them."""
    p, x = part(layer.message, "convolution_param"), b.value(layer)
    _fixed(layer, p, b.axes[x], axis=1)
    outputs, group = layer.integer(p, "num_output", 0, 1), layer.integer(p, "group", 1, 1)
    kernel, pad = layer.pair(p, "kernel_size", 0, 1), layer.pair(p, "pad", 0, 0)
    weight, *bias = _arrays(layer, 2 if one(p, "bias_term", True) else 1)
    ends = {"Convolution": (outputs, *weight.shape[1:2]), "Deconvolution": (*weight.shape[:1], outputs // group)}[layer.type]
    if weight.shape != (*ends, *kernel) or outputs % group or weight.shape[0] % group:
        layer.refuse(f"has weights {shape_text(weight.shape)}, expected those of {outputs} outputs in {group} groups, {shape_text(kernel)}")
    attributes = {
        "kernel_shape": kernel, "strides": layer.pair(p, "stride", 1, 1), "pads": pad + pad, "dilations": layer.pair(p, "dilation", 1, 1),
        "group": group,
    }  # fmt: skip
    inputs = [x, b.weight(layer, "weight", weight), *(b.weight(layer, "bias", _vector(layer, array, outputs)) for array in bias)]
    return b.node(layer, "Conv" if layer.type == "Convolution" else "ConvTranspose", inputs, attributes)


def _inner_product(b: Builder, layer: Layer) -> str:
    """weight: [out, in], or [in, out] where `transpose` says so; in old files with two axes of length 1 before."""
    p, x = part(layer.message, "inner_product_param"), b.value(layer)
    _fixed(layer, p, b.axes[x], axis=1)
    outputs, transposed = layer.integer(p, "num_output", 0, 1), one(p, "transpose", False)
    weight, *bias = _arrays(layer, 2 if one(p, "bias_term", True) else 1)
    matrix = weight.reshape(weight.shape[-2:]) if weight.size == math.prod(weight.shape[-2:]) else weight
    if matrix.ndim != 2 or matrix.shape[1 if transposed else 0] != outputs:
        layer.refuse(f"has weights {shape_text(weight.shape)}, expected those of {outputs} outputs")
    if b.axes[x] != 2:
        x = b.node(layer, "Flatten", [x], {"axis": 1}, "flatten", axes=2)
    inputs = [x, b.weight(layer, "weight", matrix), *(b.weight(layer, "bias", _vector(layer, array, outputs)) for array in bias)]
    return b.node(layer, "Gemm", inputs, {"transB": int(not transposed)})


# ---- pools ----


def _pooling(b: Builder, layer: Layer) -> str:
    """Windows that begin inside the image count (ceil_mode); an average divides by the pixels in image and padding."""
    p, x = part(layer.message, "pooling_param"), b.value(layer)
    kind = {"MAX": "MaxPool", "AVE": "AveragePool"}.get(_choice(layer, p, "pool", "Pool", "MAX"))
    if kind is None:
        layer.refuse("has `pool` STOCHASTIC, expected MAX or AVE")
    if one(p, "global_pooling", False):
        return b.node(layer, f"Global{kind}", [x])
    kernel, pad = layer.pair(p, "kernel_size", 0, 1), layer.pair(p, "pad", 0, 0)
    if pad[0] >= kernel[0] or pad[1] >= kernel[1]:
        layer.refuse(f"has padding {shape_text(pad)} around windows of {shape_text(kernel)}, expected less")
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": layer.pair(p, "stride", 1, 1), "pads": pad + pad}
    attributes["ceil_mode"] = int(_choice(layer, p, "round_mode", "Round", "CEIL") == "CEIL")
    if kind == "AveragePool" and any(pad):
        attributes["count_include_pad"] = 1
    return b.node(layer, kind, [x], attributes)


# ---- normalisation ----


def _lrn(b: Builder, layer: Layer) -> str:
    p = part(layer.message, "lrn_param")
    size = layer.integer(p, "local_size", 5, 1)
    if _choice(layer, p, "norm_region", "Region", "ACROSS_CHANNELS") != "ACROSS_CHANNELS":
        layer.refuse("has `norm_region` WITHIN_CHANNEL, of which minigoog has ACROSS_CHANNELS only")
    if size % 2 == 0:
        layer.refuse(f"has `local_size` {size}, expected an odd number")
    alpha, beta, k = (_finite(layer, p, name, default) for name, default in (("alpha", 1.0), ("beta", 0.75), ("k", 1.0)))
    return b.node(layer, "LRN", [b.value(layer)], {"size": size, "alpha": alpha, "beta": beta, "bias": k})


def _batch_norm(b: Builder, layer: Layer) -> str:
    """By the statistics in the file, which are sums that its third array divides; `use_global_stats` false is meant for training."""
    mean, variance, factor = _arrays(layer, 3)
    channels = mean.size
    divisor = float(_vector(layer, factor, 1)[0])
    eps = _finite(layer, part(layer.message, "batch_norm_param"), "eps", 1e-5)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = 1 / divisor if divisor else 0.0
        mean, variance = ((_vector(layer, array, channels) * scale).astype(np.float32) for array in (mean, variance))
    if not (variance.min(initial=0) + eps > 0):
        layer.refuse(f"has a variance of {variance.min(initial=0)}, expected none below 0")
    arrays = {"weight": np.ones_like(mean), "bias": np.zeros_like(mean), "running_mean": mean, "running_var": variance}
    inputs = [b.value(layer), *(b.weight(layer, name, array) for name, array in arrays.items())]
    return b.node(layer, "BatchNormalization", inputs, {"epsilon": eps})


def _affine(b: Builder, layer: Layer) -> str:
    """Scale: a factor for each channel, and a summand if it has a bias; Bias: a summand."""
    x, scale = b.value(layer), layer.type == "Scale"
    p = part(layer.message, "scale_param" if scale else "bias_param")
    _fixed(layer, p, b.axes[x], axis=1)
    if one(p, "num_axes", 1) not in (0, 1):
        layer.refuse(f"has `num_axes` {one(p, 'num_axes', 1)}, expected 0 or 1")
    both = scale and one(p, "bias_term", False)
    first, *rest = _arrays(layer, 2 if both else 1)
    if scale:
        x = b.node(layer, "Mul", [x, b.per_channel(layer, "weight", first, x)], part="scale" if both else "")
    bias = [first] if not scale else [_vector(layer, array, first.size) for array in rest]
    return b.node(layer, "Add", [x, b.per_channel(layer, "bias", bias[0], x)]) if bias else x


# ---- activations ----


def _unary(op: str) -> Converter:
    return lambda b, layer: b.node(layer, op, [b.value(layer)])


def _relu(b: Builder, layer: Layer) -> str:
    slope = _finite(layer, part(layer.message, "relu_param"), "negative_slope", 0.0)
    return b.node(layer, "LeakyRelu" if slope else "Relu", [b.value(layer)], {"alpha": slope} if slope else {})


def _prelu(b: Builder, layer: Layer) -> str:
    (slope,), x = _arrays(layer, 1), b.value(layer)
    return b.node(layer, "PRelu", [x, b.per_channel(layer, "weight", slope, x)])


def _elu(b: Builder, layer: Layer) -> str:
    return b.node(layer, "Elu", [b.value(layer)], {"alpha": _finite(layer, part(layer.message, "elu_param"), "alpha", 1.0)})


def _power(b: Builder, layer: Layer) -> str:
    """(shift + scale * x) ** power, for power 1."""
    p, x = part(layer.message, "power_param"), b.value(layer)
    if one(p, "power", 1.0) != 1:
        layer.refuse(f"has `power` {one(p, 'power', 1.0)}, of which minigoog has 1 only")
    factor, summand = (np.float32(_finite(layer, p, name, default)) for name, default in (("scale", 1.0), ("shift", 0.0)))
    x = b.node(layer, "Mul", [x, b.weight(layer, "scale", np.asarray(factor))], part="scale")
    return b.node(layer, "Add", [x, b.weight(layer, "shift", np.asarray(summand))])


def _softmax(b: Builder, layer: Layer) -> str:
    axis = one(part(layer.message, "softmax_param"), "axis", 1)
    return b.node(layer, "Softmax", [b.value(layer)], {"axis": axis})


def _dropout(b: Builder, layer: Layer) -> str:
    ratio = _finite(layer, part(layer.message, "dropout_param"), "dropout_ratio", 0.5)
    if not 0 <= ratio < 1:
        layer.refuse(f"has `dropout_ratio` {ratio}, expected a number from 0 to 1")
    return b.node(layer, "Dropout", [b.value(layer), b.weight(layer, "ratio", np.asarray(ratio, np.float32))])


# ---- several values, and shapes ----


def _concat(b: Builder, layer: Layer) -> str:
    p, values = part(layer.message, "concat_param"), b.values(layer)
    if not values:
        layer.refuse("reads no values, expected some")
    return b.node(layer, "Concat", values, {"axis": one(p, "axis", one(p, "concat_dim", 1))})


def _eltwise(b: Builder, layer: Layer) -> str:
    p, values = part(layer.message, "eltwise_param"), b.values(layer)
    op = {"SUM": "Sum", "PROD": "Mul", "MAX": "Max"}[_choice(layer, p, "operation", "Operation", "SUM")]
    coefficients = p.get("coeff", [])
    if len(values) < 2 or len(coefficients) not in (0, len(values)) or (coefficients and op != "Sum"):
        layer.refuse(f"reads {len(values)} values with {len(coefficients)} coefficients, expected two or more, coefficients with SUM only")
    for i, factor in enumerate(coefficients):
        if factor != 1:
            constant = b.weight(layer, f"coefficient_{i}", np.asarray(factor, np.float32))
            values[i] = b.node(layer, "Mul", [values[i], constant], part=f"scale_{i}")
    if op != "Mul":
        return b.node(layer, op, values)
    for i, value in enumerate(values[1:-1]):
        values[0] = b.node(layer, op, [values[0], value], part=f"product_{i}")
    return b.node(layer, op, [values[0], values[-1]])


def _flatten(b: Builder, layer: Layer) -> str:
    x, p = b.value(layer), part(layer.message, "flatten_param")
    _fixed(layer, p, b.axes[x], axis=1)
    if one(p, "end_axis", -1) not in (-1, b.axes[x] - 1):
        layer.refuse(f"has `end_axis` {one(p, 'end_axis', -1)}, of which minigoog has -1 only")
    return b.node(layer, "Flatten", [x], {"axis": 1}, axes=2)


def _reshape(b: Builder, layer: Layer) -> str:
    """0 stands for the axis of the input there and -1 for the rest, as in ONNX."""
    p, x = part(layer.message, "reshape_param"), b.value(layer)
    dims, axis, n = part(p, "shape").get("dim", []), one(p, "axis", 0), one(p, "num_axes", -1)
    if axis not in (0, 1) or n != -1 or not dims or len(dims) > 8 or min(dims) < -1:
        layer.refuse(f"has the shape {dims[:8]}, `axis` {axis} and `num_axes` {n}, expected axis 0 or 1 and -1")
    shape = np.array([0] * axis + dims, np.int64)
    return b.node(layer, "Reshape", [x, b.weight(layer, "shape", shape)], axes=len(shape))


LAYERS: dict[str, Converter] = {
    "Convolution": _convolution, "Deconvolution": _convolution, "InnerProduct": _inner_product, "Pooling": _pooling, "LRN": _lrn,
    "BatchNorm": _batch_norm, "Scale": _affine, "Bias": _affine, "ReLU": _relu, "PReLU": _prelu, "ELU": _elu, "Sigmoid": _unary("Sigmoid"),
    "TanH": _unary("Tanh"), "Power": _power, "Softmax": _softmax, "Dropout": _dropout, "Concat": _concat, "Eltwise": _eltwise,
    "Flatten": _flatten, "Reshape": _reshape,
}  # fmt: skip


def _loss(prediction: Converter) -> Converter:
    """What a loss compares with the labels, which are the second value that it reads."""
    return lambda b, layer: prediction(b, replace(layer, bottoms=layer.bottoms[:1], tops=()))


LOSSES: dict[str, Converter] = {
    "SoftmaxWithLoss": _loss(_softmax), "SigmoidCrossEntropyLoss": _loss(_unary("Sigmoid")), "EuclideanLoss": _loss(Builder.value),
    "HingeLoss": _loss(Builder.value), "InfogainLoss": _loss(Builder.value), "MultinomialLogisticLoss": _loss(Builder.value),
}  # fmt: skip
