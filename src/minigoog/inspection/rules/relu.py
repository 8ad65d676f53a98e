"""Activations: ReLU, leaky ReLU, and the scaled tanh of LeNet-5."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.relu import LeakyReLU, ReLU, Tanh
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for


@rule_for(ReLU)
class ReLURule(Pointwise):
    """The number, or 0 if it is negative."""

    function = javascript = kernel = "relu"
    gradient_kernels = ("relu_backward",)
    derived = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("max(x, 0)", {"x": op.inputs[0].data[index]}, relu=True)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("dy where y > 0", {"dy": dy[index], "y > 0": np.asarray(float(not op.y[index] <= 0))})

    def words(self, op: Any, context: Context) -> str:
        return "Negative values become 0."


@rule_for(LeakyReLU)
class LeakyReLURule(Pointwise):
    """The number, or a share of it if it is not positive."""

    function = javascript = kernel = "leaky_relu"
    gradient_kernels = ("leaky_relu_backward",)

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data[index]
        return add_up("x * (1 if x > 0, else negative_slope)", {"x": x, "slope": _slope(op, x)})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("dy * (1 if x > 0, else negative_slope)", {"dy": dy[index], "slope": _slope(op, op.x[index])})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"negativeSlope": op.negative_slope}

    def words(self, op: Any, context: Context) -> str:
        return f"Negative values are multiplied by {op.negative_slope:g}, so that their gradient is not 0."


def _slope(op: Any, x: Any) -> Array:
    return np.asarray(1.0 if x > 0 else op.negative_slope)


@rule_for(Tanh)
class TanhRule(Pointwise):
    """gain * tanh(slope * x)."""

    function = javascript = kernel = "tanh"
    gradient_kernels = ("tanh_backward",)

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = float(op.inputs[0].data[index])
        inner = np.tanh(op.slope * x)
        parts = {"slope * x": op.slope * x, "tanh of it": float(inner)}
        return Breakdown("gain * tanh(slope * x)", {"x": np.asarray(x)}, float(op.gain * inner), parts)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        y = float(op.y[index])
        slope = np.asarray(op.slope * (op.gain - y * y / op.gain))
        return add_up("dy * slope * (gain - y * y / gain)", {"dy": dy[index], "slope at y": slope})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"gain": op.gain, "slope": op.slope}

    def words(self, op: Any, context: Context) -> str:
        return "Each value squashed into the range from -gain to gain."
