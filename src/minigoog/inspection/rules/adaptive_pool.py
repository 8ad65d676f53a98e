"""Average pooling to a given number of pixels."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.adaptive_pool import AdaptiveAvgPool2d
from .breakdown import Breakdown, add_up
from .rule import Context, Rule, Window, rule_for
from .windows import length, mean


@rule_for(AdaptiveAvgPool2d)
class AdaptiveAvgPool2dRule(Rule):
    """The mean of the window, whose size may differ from pixel to pixel."""

    function, kind = "adaptive_avg_pool2d", "pool"

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, i, j, c = index
        x = op.inputs[0].data[n, :, :, c]
        ((rows, columns),) = [spans for at, *spans in op.windows(*x.shape) if at == (i, j)]
        return mean(x, rows, columns)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, i, j, c = index
        windows = op.windows(*op.inputs[0].shape[1:3])
        over = [(at, length(r) * length(q)) for at, r, q in windows if r.start <= i < r.stop and q.start <= j < q.stop]
        factors = {"dy": np.array([dy[n, *at, c] for at, _ in over]), "1 / pixels": np.array([1 / pixels for _, pixels in over])}
        return add_up("sum(dy * 1 / pixels)", factors)

    def window(self, op: Any) -> Window | None:
        axes = zip(op.inputs[0].shape[1:3], op.y.shape[1:3], strict=True)
        (kh, sh, ph), (kw, sw, pw) = (_even(n, size) for n, size in axes)
        return Window((kh, kw), (sh, sw), (ph, pw))

    def title(self, op: Any) -> str:
        return f"avg to {op.y.shape[1]}\u00d7{op.y.shape[2]}"

    def words(self, op: Any, context: Context) -> str:
        return "The mean of each of evenly spaced windows, whose number does not depend on the size of the map."


def _even(n: int, size: int) -> tuple[float, float, float]:
    """(kernel, stride, padding) of evenly spaced windows that hold those of adaptive pooling, uneven unless `size` divides `n`."""
    longest = max(-(-(i + 1) * n // size) - i * n // size for i in range(size))
    return (longest, n // size, 0) if n % size == 0 else (longest + 1, n / size, 1)
