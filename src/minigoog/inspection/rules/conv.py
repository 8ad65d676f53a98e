"""Convolution."""

import math
from typing import Any

import numpy as np

from ... import kernels
from ...array_types import Array, BoolArray, IntArray, Shape
from ...kernels.shapes import ConvShape, conv_shape
from ...ops.conv import Conv2d
from .breakdown import Breakdown, add_up
from .rule import Context, Rule, Window, rule_for
from .weighted import before_relu, bias_gradient, weighted_sum
from .windows import window_settings, window_title


@rule_for(Conv2d)
class Conv2dRule(Rule):
    """The patch under the filter times the filter."""

    function, javascript, kind = "conv2d", "conv2d", "conv"
    inputs = ("input", "weight", "bias")
    kernel, gradient_kernels = "conv2d", ("conv2d_input", "conv2d_weight", "conv2d_bias")

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, i, j, c = index
        s = self.shape(op)
        channels = s.cin // s.groups
        first = c // (s.cout // s.groups) * channels  # of the group's input channels
        corner = i * s.stride[0] - s.padding[0], j * s.stride[1] - s.padding[1]
        patch = _patch(op.inputs[0].data[n, :, :, first : first + channels], corner, s)
        return weighted_sum({"patch": patch, "filter": self.dense(op)[..., c]}, op, c, corner)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        dz = before_relu(op, dy)
        return (self._of_input, self._of_weight, self._of_bias)[k](op, dz, index)

    def _of_input(self, op: Any, dz: Array, index: Shape) -> Breakdown:
        n, i, j, c = index
        s = self.shape(op)
        group, c = divmod(c, s.cin // s.groups)
        width = s.cout // s.groups
        outputs = slice(group * width, (group + 1) * width)
        # tap ky of the filter put x[i] into output row (i + padding - ky * dilation) / stride, if there is such a row
        rows, row_there = _quotients(i + s.padding[0] - np.arange(s.kh) * s.dilation[0], s.stride[0], s.out_h)
        columns, column_there = _quotients(j + s.padding[1] - np.arange(s.kw) * s.dilation[1], s.stride[1], s.out_w)
        there = row_there[:, None, None] & column_there[:, None]
        dz = np.where(there, dz[n, rows][:, columns, outputs], 0)
        return add_up("sum(dz * filter)", {"dz": dz, "filter": self.dense(op)[:, :, c, outputs]})

    def _of_weight(self, op: Any, dz: Array, index: Shape) -> Breakdown:
        ky, kx, i, o = index
        s = self.shape(op)
        channel = o // (s.cout // s.groups) * (s.cin // s.groups) + i
        rows = ky * s.dilation[0] + np.arange(s.out_h) * s.stride[0] - s.padding[0]
        columns = kx * s.dilation[1] + np.arange(s.out_w) * s.stride[1] - s.padding[1]
        inside = ((rows >= 0) & (rows < s.h))[:, None] & (columns >= 0) & (columns < s.w)
        x = op.inputs[0].data[:, rows.clip(0, s.h - 1)][:, :, columns.clip(0, s.w - 1), channel]
        return add_up("sum(x under the weight * dz)", {"x under the weight": np.where(inside, x, 0), "dz": dz[..., o]})

    def _of_bias(self, op: Any, dz: Array, index: Shape) -> Breakdown:
        return bias_gradient(dz, *index)

    def dense(self, op: Any) -> Array:
        """The weights HWIO."""
        return self.weights(op, 1)

    def weight_shape(self, op: Any) -> Shape:
        """Their shape."""
        shape: Shape = op.inputs[1].shape
        return shape

    def shape(self, op: Any) -> ConvShape:
        """The ConvShape of a convolution that ran."""
        return conv_shape("explain", op.inputs[0].shape, self.weight_shape(op), **_window(op))

    def window(self, op: Any) -> Window | None:
        s = self.shape(op)
        return Window(s.span, s.stride, s.padding[:2])

    def multiply_adds(self, op: Any) -> int:
        return math.prod((*op.y.shape, *op.inputs[1].shape[:-1]))

    def algorithm(self, op: Any, kernel: str) -> str:
        if kernel == "conv2d_bias" or kernels.backend != "native":  # the NumPy kernels have one algorithm each
            return ""
        return str(kernels.native.conv_algorithms.choose(kernel, op.window["algorithm"], self.shape(op)).name)

    # ---- the page ----

    def settings(self, op: Any) -> dict[str, Any]:
        s = self.shape(op)
        return {"relu": op.relu, "groups": s.groups} | window_settings(s)

    def title(self, op: Any) -> str:
        s = self.shape(op)
        return f"{'depth' if _is_depthwise(s) else 'conv'} {window_title(s)}"

    def words(self, op: Any, context: Context) -> str:
        kh, kw, cin, cout = self.weight_shape(op)
        role = context.name.rpartition(".")[2]
        if role == "reduce":
            return f"A 1x1 convolution mixes the {op.inputs[0].shape[3]} channels of each pixel into {cout}. {self._saving(op, context)}"
        if role == "project":
            return f"Pooling keeps all {cin} channels; this 1x1 convolution reduces them to {cout}, so that modules do not grow ever wider."
        if (kh, kw) == (1, 1):
            return f"A 1x1 convolution: {cout} weighted sums of the {cin} channels of each pixel, without its neighbours."
        if context.reads_image:
            return (f"{cout} filters of {kh}x{kw} slide over the image itself, so they can be viewed as pictures: "
                    f"after training they show edges, colours and textures.")  # fmt: skip
        s = self.shape(op)
        if _is_depthwise(s):
            return (f"Depthwise: each of the {s.cin} channels has {'a filter' if s.cout == s.cin else f'{s.cout // s.cin} filters'} of "
                    f"{kh}x{kw} of its own, {kh * kw:,} products for each number; a 1x1 convolution mixes channels.")  # fmt: skip
        products = kh * kw * cin
        return f"Each of {cout} filters looks at a window of {kh}x{kw} pixels in {cin} channels: {products:,} products for each number."

    def words_back(self, op: Any) -> str:
        used = "Where ReLU set the output to 0 the gradient is 0. The rest" if op.relu else "The gradient of the output"
        return (f"{used} is used twice: multiplied by the input it gives the gradient of the weights, multiplied by the filter that "
                f"of the input.")  # fmt: skip

    def _saving(self, op: Any, context: Context) -> str:
        """What a reduction before a larger window saves, as the paper's section 4 argues."""
        after = next((reader for reader in context.readers if type(reader) is Conv2d), None)
        if after is None or after.y is None:
            return ""
        kh, kw, *_ = self.weight_shape(after)
        without = math.prod(after.y.shape) * kh * kw * self.weight_shape(op)[2]
        both = self.multiply_adds(op) + self.multiply_adds(after)
        return f"This makes the {kh}x{kw} filters that follow cheaper: {both:,} multiply-adds for both instead of {without:,} without it."


def _is_depthwise(s: ConvShape) -> bool:
    """Whether each filter reads one of several channels."""
    return s.groups == s.cin > 1


def _window(op: Any) -> dict[str, Any]:
    """Stride, padding, dilation and groups."""
    return {"groups": 1} | {name: value for name, value in op.window.items() if name != "algorithm"}


def _patch(x: Array, corner: tuple[int, int], s: ConvShape) -> Array:
    """The pixels [kh, kw, c] of the map [h, w, c] under the window that begins at `corner`, 0 outside of it."""
    rows, columns = corner[0] + np.arange(s.kh) * s.dilation[0], corner[1] + np.arange(s.kw) * s.dilation[1]
    inside = ((rows >= 0) & (rows < s.h))[:, None, None] & ((columns >= 0) & (columns < s.w))[:, None]
    patch: Array = np.where(inside, x[rows.clip(0, s.h - 1)][:, columns.clip(0, s.w - 1)], x.dtype.type(0))
    return patch


def _quotients(values: IntArray, divisor: int, limit: int) -> tuple[IntArray, BoolArray]:
    """(values / divisor, whether that is an integer from 0 to limit - 1); 0 where it is not."""
    good = (values % divisor == 0) & (values >= 0) & (values < limit * divisor)
    return np.where(good, values // divisor, 0), good
