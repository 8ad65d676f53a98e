"""The fully connected layer."""

import math
from typing import Any

from ...array_types import Array, Shape
from ...ops.linear import Linear
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for
from .weighted import before_relu, bias_gradient, weighted_sum


@rule_for(Linear)
class LinearRule(Pointwise):
    """x times a column of the weights."""

    function, javascript, kind = "linear", "linear", "conv"
    inputs = ("input", "weight", "bias")
    kernel, gradient_kernels = "linear", ("linear_input", "linear_weight", "conv2d_bias")
    back = "At the logits the gradient is the predicted probability of each class, minus 1 for the true class."

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, c = index
        return weighted_sum({"x": op.inputs[0].data[n], "column of w": op.inputs[1].data[:, c]}, op, c)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        (x, w), dz = (tensor.data for tensor in op.inputs[:2]), before_relu(op, dy)
        if k == 0:
            return add_up("sum(dz * row of w)", {"dz": dz[index[0]], "row of w": w[index[1]]})
        if k == 1:
            return add_up("sum(x * dz)", {"x": x[:, index[0]], "dz": dz[:, index[1]]})
        return bias_gradient(dz, *index)

    def multiply_adds(self, op: Any) -> int:
        return math.prod((*op.y.shape, op.inputs[1].shape[0]))

    def settings(self, op: Any) -> dict[str, Any]:
        return {"relu": op.relu}

    def words(self, op: Any, context: Context) -> str:
        cin, cout = op.inputs[1].shape
        return f"Each of {cout} outputs is a weighted sum of all {cin} inputs."
