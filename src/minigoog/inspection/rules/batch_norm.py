"""Batch normalisation in training."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.batch_norm import BatchNorm2d
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for
from .weighted import before_relu, bias_gradient


@rule_for(BatchNorm2d)
class BatchNorm2dRule(Pointwise):
    """The number minus the channel's mean, divided by its standard deviation, times gamma, plus beta.

    Its receptive field counts as one pixel, although mean and variance depend on the whole batch."""

    function = kernel = "batch_norm"
    gradient_kernels = ("batch_norm_backward",)
    inputs = ("input", "weight", "bias")

    def output(self, op: Any, index: Shape) -> Breakdown:
        c = index[-1]
        x, gamma, beta = (tensor.data[..., c].astype(np.float64) for tensor in op.inputs)
        mean, variance = float(x.mean()), float(x.var())
        factors = {"x - mean": x[index[:-1]] - mean, "gamma / sqrt(variance + eps)": np.asarray(gamma / np.sqrt(variance + op.eps))}
        formula = "(x - mean) * gamma / sqrt(variance + eps) + beta"
        breakdown = add_up(f"max({formula}, 0)" if op.relu else formula, factors, float(beta), op.relu)
        breakdown.parts = {"mean of the channel": mean, "its variance": variance} | breakdown.parts
        return breakdown

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        c, dz = index[-1], before_relu(op, dy)
        if k == 2:
            return bias_gradient(dz, c)
        inverse = 1 / np.sqrt(float(op.variance[c]) + op.eps)
        normal, dz = (op.inputs[0].data[..., c] - float(op.mean[c])) * inverse, dz[..., c].astype(np.float64)
        if k == 1:
            return add_up("sum(dz * (x - mean) / sqrt(variance + eps))", {"dz": dz, "(x - mean) / sqrt(variance + eps)": normal})
        return _of_input(dz, normal, float(op.inputs[1].data[c]) * inverse, index[:-1])

    def settings(self, op: Any) -> dict[str, Any]:
        return {"relu": op.relu}

    def words(self, op: Any, context: Context) -> str:
        return "Each channel is normalised to mean 0 and variance 1, then scaled and shifted by learned parameters."


def _of_input(dz: Array, normal: Array, scale: float, at: Shape) -> Breakdown:
    """The gradient of a number of one channel, whose mean and variance depend on it."""
    means = float(dz.mean()), float((dz * normal).mean())
    parts = {"dz": float(dz[at]), "normal = (x - mean) / sqrt(variance + eps)": float(normal[at])}
    parts |= {"mean(dz)": means[0], "mean(dz * normal)": means[1], "gamma / sqrt(variance + eps)": scale}
    formula = "gamma / sqrt(variance + eps) * (dz - mean(dz) - normal * mean(dz * normal))"
    return Breakdown(formula, {}, float(scale * (dz[at] - means[0] - normal[at] * means[1])), parts)
