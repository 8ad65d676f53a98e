"""Convolution with sparse weights: the rule of the dense one, with zeros where the pattern has no weights."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.sparse_conv import SparseConv2d
from .breakdown import Breakdown
from .conv import Conv2dRule
from .rule import Context, rule_for
from .weighted import before_relu


@rule_for(SparseConv2d)
class SparseConv2dRule(Conv2dRule):
    """The patch under the filter times the filter, which is mostly 0."""

    function, javascript = "sparse_conv2d", ""
    inputs = ("input", "values", "bias")
    kernel, gradient_kernels = "sparse_conv2d", ("sparse_conv2d_input", "sparse_conv2d_weight", "conv2d_bias")

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        if k != 1:
            return super().gradient(op, dy, k, index)
        entry, row = (*index, 0)[:2]
        *tap, o = *np.unravel_index(op.pattern.col_indices[entry], op.pattern.shape[:3]), op.pattern.row_of[entry] * op.pattern.block + row
        if o >= op.pattern.shape[3]:
            return Breakdown("0: the last block extends past the last channel", {}, 0.0)
        return self._of_weight(op, before_relu(op, dy), (*map(int, tap), int(o)))

    def weight_shape(self, op: Any) -> Shape:
        shape: Shape = op.pattern.shape
        return shape

    def weights(self, op: Any, k: int) -> Array:
        """The values with their zeros: HWIO."""
        array: Array = op.pattern.scatter(op.inputs[1].data) if k == 1 else op.inputs[k].data
        return array

    def multiply_adds(self, op: Any) -> int:
        return 0  # depends on the pattern; not counted

    def algorithm(self, op: Any, kernel: str) -> str:
        return ""

    def title(self, op: Any) -> str:
        return f"sparse {super().title(op)}"

    def words(self, op: Any, context: Context) -> str:
        return "A convolution that stores and computes only the weights that are not 0."
