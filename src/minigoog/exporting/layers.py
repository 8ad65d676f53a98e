"""Convolutions, linear layers and pools: weights OIHW and [out, in], padding for each side."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import Array, Shape
from ..checks import pair, sides
from ..op import Op
from ..ops.adaptive_pool import AdaptiveAvgPool2d
from ..ops.conv import Conv2d
from ..ops.conv_transpose import ConvTranspose2d
from ..ops.linear import Linear
from ..ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ..ops.rbf import SquaredDistance
from ..ops.sparse_conv import SparseConv2d
from .writer import Unsupported, Writer, oihw


def conv2d(writer: Writer, op: Conv2d) -> None:
    inputs = [writer.plain(op), writer.weight(op, 1, oihw, "weight")]
    inputs += _bias(writer, op)
    _with_relu(writer, op, op.relu, "Conv", inputs, **_convolution(op.inputs[1].shape[:2], op.window))


def sparse_conv2d(writer: Writer, op: SparseConv2d) -> None:
    name = writer.names[op]
    dense = op.pattern.scatter(op.inputs[1].data)
    inputs = [writer.plain(op), writer.constant(f"{name}.weight", oihw(dense))]
    inputs += _bias(writer, op)
    _with_relu(writer, op, op.relu, "Conv", inputs, **_convolution(dense.shape[:2], op.window))


def _bias(writer: Writer, op: Op) -> list[str]:
    """The name of a layer's bias in a list, which is empty if there is none."""
    return [writer.weight(op, 2, lambda b: b, "bias")] if len(op.inputs) > 2 else []


def _convolution(size: Shape, window: dict[str, Any]) -> dict[str, Any]:
    return _window(size, window) | {"group": window.get("groups", 1)}


def conv_transpose2d(writer: Writer, op: ConvTranspose2d) -> None:
    def iohw(w: Array) -> Array:
        return w.transpose(3, 2, 0, 1)

    if any(extra >= step for extra, step in zip(op.output_padding, op.stride, strict=True)):
        what = f"{writer.names[op]} has an output_padding of {op.output_padding} and a stride of {op.stride}"
        raise Unsupported(f"{what}, expected less than the stride: ONNX Runtime refuses the rest")
    inputs = [writer.plain(op), writer.weight(op, 1, iohw, "weight")]
    inputs += _bias(writer, op)
    settings = {"stride": op.stride, "padding": op.padding, "dilation": op.dilation}
    writer.done(
        op, "ConvTranspose", inputs, output_padding=op.output_padding, group=op.groups, **_window(op.inputs[1].shape[:2], settings)
    )


def linear(writer: Writer, op: Linear) -> None:
    x = writer.value(op)

    def out_by_in(w: Array) -> Array:
        if x.map_of is not None:  # the row is in the order channels, height, width
            w = w.reshape(*x.map_of, -1).transpose(2, 0, 1, 3).reshape(len(w), -1)
        return w.T

    inputs = [x.name, writer.weight(op, 1, out_by_in, "weight")]
    inputs += _bias(writer, op)
    _with_relu(writer, op, op.relu, "Gemm", inputs, transB=1)


def _with_relu(writer: Writer, op: Op, relu: bool, kind: str, inputs: Sequence[str], **attributes: Any) -> None:
    """Adds a layer, and the ReLU that it ends with as a node of its own."""
    if not relu:
        writer.done(op, kind, inputs, **attributes)
        return
    name = writer.add(op, kind, inputs, part=op.name.lower(), **attributes)
    writer.done(op, "Relu", [name])


def max_pool2d(writer: Writer, op: MaxPool2d) -> None:
    writer.done(op, "MaxPool", [writer.plain(op)], **_pool(op, op.window))


def avg_pool2d(writer: Writer, op: AvgPool2d) -> None:
    counted: dict[str, Any] = {"count_include_pad": 1} if op.window.get("count_include_pad") else {}
    if counted and op.window["ceil_mode"]:
        raise Unsupported(f"{writer.names[op]} counts padding in ceil mode, which runtimes compute in three different ways")
    pool = _pool(op, op.window)
    if "dilations" in pool:
        writer.needs(19)
    writer.done(op, "AveragePool", [writer.plain(op)], **pool, **counted)


def _pool(op: Op, window: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a pool. Ceil mode becomes padding at the ends, which all runtimes read alike."""
    size = pair(op.name, "kernel_size", window["kernel_size"], 1)
    found = _window(size, window | {"stride": size if window["stride"] is None else window["stride"]})
    pads, steps = list(found["pads"]), found["strides"]
    for i, (n, out) in enumerate(zip(op.inputs[0].shape[1:3], op.y.shape[1:3], strict=True)):
        taps = (size[i] - 1) * found["dilations"][i] + 1
        pads[2 + i] = max(pads[2 + i], (out - 1) * steps[i] + taps - n - pads[i]) if window["ceil_mode"] else pads[2 + i]
    if found["dilations"] == (1, 1):
        del found["dilations"]
    if any(pad >= taps for pad, taps in zip(pads, size * 2, strict=True)):  # which ONNX Runtime refuses, however far apart the taps are
        return found | {"ceil_mode": 1}
    return found | {"pads": tuple(pads)}


def _window(size: Shape, window: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a window of `size` from our settings."""
    where = "save_onnx"
    return {
        "kernel_shape": tuple(size),
        "strides": pair(where, "stride", window["stride"], 1),
        "pads": sides(where, "padding", window["padding"]),
        "dilations": pair(where, "dilation", window.get("dilation", 1), 1),
    }


def global_avg_pool2d(writer: Writer, op: GlobalAvgPool2d) -> None:
    c = op.inputs[0].shape[3]
    name = writer.add(op, "GlobalAveragePool", [writer.plain(op)], part="mean", shape=(None, c, 1, 1))
    writer.done(op, "Flatten", [name], axis=1)


def adaptive_avg_pool2d(writer: Writer, op: AdaptiveAvgPool2d) -> None:
    size = op.inputs[0].shape[1:3]
    if any(n % out for n, out in zip(size, op.output_size, strict=True)):
        what = f"{writer.names[op]} averages {size[0]}x{size[1]} pixels to {op.output_size[0]}x{op.output_size[1]}"
        raise Unsupported(f"{what}, which is no pool of one window size; leave such heads out")
    window = tuple(n // out for n, out in zip(size, op.output_size, strict=True))
    writer.done(op, "AveragePool", [writer.plain(op)], kernel_shape=window, strides=window)


def squared_distance(writer: Writer, op: SquaredDistance) -> None:
    """As the operation itself computes it: the sum of two linear layers."""
    name, x, float32 = writer.names[op], writer.plain(op), np.dtype(np.float32)
    squares = writer.add(op, "Mul", [x, x], part="squares", shape=(None, *op.inputs[0].shape[1:]))
    ones = writer.constant(f"{name}.ones", op.ones(float32).T)
    norms = writer.add(op, "Gemm", [squares, ones], part="norms", transB=1)
    w, b = op.products(float32)
    inputs = [x, writer.constant(f"{name}.products.weight", w.T), writer.constant(f"{name}.products.bias", b)]
    writer.done(op, "Add", [norms, writer.add(op, "Gemm", inputs, part="products", transB=1)])
