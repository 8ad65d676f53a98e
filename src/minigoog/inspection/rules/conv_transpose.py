"""Transposed convolution: the rule of the convolution whose input gradient it is."""

import math
from types import SimpleNamespace
from typing import Any

from ...array_types import Array, Shape
from ...ops.conv_transpose import ConvTranspose2d
from ...tensor import Tensor
from .breakdown import Breakdown, add_up
from .conv import Conv2dRule
from .rule import Context, Rule, Window, rule_for
from .weighted import bias_gradient

CONV = Conv2dRule()


@rule_for(ConvTranspose2d)
class ConvTranspose2dRule(Rule):
    """The numbers of the input whose filter reaches this place, times the filter there."""

    function, kind = "conv_transpose2d", "conv"
    inputs = ("input", "weight", "bias")
    kernel, gradient_kernels = "conv2d_input", ("conv2d", "conv2d_weight", "conv2d_bias")

    def output(self, op: Any, index: Shape) -> Breakdown:
        found = CONV.gradient(_convolution(op, op.y), op.inputs[0].data, 0, index)
        factors = {"x": found.factors["dz"], "filter": found.factors["filter"]}
        if len(op.inputs) == 2:
            return add_up("sum(x * filter)", factors)
        return add_up("sum(x * filter) + bias", factors, op.inputs[2].data[index[-1]])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        if k == 2:
            return bias_gradient(dy, *index)
        convolution = _convolution(op, dy)
        if k == 0:
            return CONV.output(convolution, index)
        return CONV.gradient(convolution, op.inputs[0].data, 1, index)

    def window(self, op: Any) -> Window | None:
        w = op.inputs[1].shape
        reach = [op.dilation[i] * (w[i] - 1) for i in range(2)]
        kernel = (reach[0] / op.stride[0] + 1, reach[1] / op.stride[1] + 1)
        before = ((reach[0] - op.padding[0]) / op.stride[0], (reach[1] - op.padding[1]) / op.stride[1])
        return Window(kernel, (1 / op.stride[0], 1 / op.stride[1]), before)

    def multiply_adds(self, op: Any) -> int:
        return math.prod((*op.inputs[0].shape, *op.inputs[1].shape[:3]))

    def title(self, op: Any) -> str:
        return "transposed conv {}\u00d7{}".format(*op.inputs[1].shape[:2])

    def words(self, op: Any, context: Context) -> str:
        kh, kw, *_ = op.inputs[1].shape
        return f"Each number is multiplied by a filter of {kh}x{kw}, and what overlaps is added: a map of {op.y.shape[1]}x{op.y.shape[2]}."


def _convolution(op: Any, larger: Array) -> Any:
    """The convolution with the same weights from the larger map to the smaller, as a record for its rule."""
    return SimpleNamespace(inputs=(Tensor(op.reached(larger)), op.inputs[1]), window=op.window, relu=False, y=op.inputs[0].data)
