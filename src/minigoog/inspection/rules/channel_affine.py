"""A coefficient and a bias for each channel."""

from typing import Any

from ...array_types import Array, Shape
from ...ops.channel_affine import ChannelAffine
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for
from .weighted import bias_gradient


@rule_for(ChannelAffine)
class ChannelAffineRule(Pointwise):
    """The number times the coefficient of its channel, plus its bias."""

    function = javascript = "channel_affine"
    inputs = ("input", "coefficient", "bias")

    def output(self, op: Any, index: Shape) -> Breakdown:
        x, a, b = (tensor.data for tensor in op.inputs)
        return add_up("a * x + b", {"a": a[index[-1]], "x": x[index]}, b[index[-1]])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        x, a, _ = (tensor.data for tensor in op.inputs)
        if k == 0:
            return add_up("dy * a", {"dy": dy[index], "a": a[index[-1]]})
        if k == 1:
            return add_up("sum(dy * x)", {"dy": dy[..., index[0]], "x": x[..., index[0]]})
        return bias_gradient(dy, *index)

    def words(self, op: Any, context: Context) -> str:
        return "Each channel times a coefficient plus a bias, both learned."
