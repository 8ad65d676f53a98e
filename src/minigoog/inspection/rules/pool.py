"""Max, average and global average pooling."""

from typing import Any

import numpy as np

from ...array_types import Array, IntArray, Shape
from ...ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, Rule, Window, rule_for
from .windows import covering, divisors, mean, pool_shape_of, spans, window_settings, window_title


class _Pooling(Rule):
    """What max and average pooling share."""

    kind = "pool"

    def window(self, op: Any) -> Window | None:
        s = pool_shape_of(op)
        return Window(s.span, s.stride, s.padding[:2])

    def settings(self, op: Any) -> dict[str, Any]:
        return window_settings(pool_shape_of(op))


@rule_for(MaxPool2d)
class MaxPool2dRule(_Pooling):
    """The largest number of the window."""

    function = javascript = kernel = "max_pool2d"
    gradient_kernels = ("max_pool2d_backward",)
    back = "Only the largest pixel of each window gets the gradient, the others get 0."

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, i, j, c = index
        x = op.inputs[0].data
        rows, columns = spans(pool_shape_of(op), i, j)
        window = x[n, rows, columns, c]
        winner = divmod(int(op.index[n, i, j, c]), x.shape[2])
        parts = {f"largest, at pixel {winner}": float(x[n, *winner, c])}
        return Breakdown("max(window)", {"window": window}, float(window.max()), parts, (rows.start, columns.start))

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, i, j, c = index
        s = pool_shape_of(op)
        rows, columns = covering(s, i, j)
        over = np.ix_(rows, columns)
        chosen = op.index[n, :, :, c][over] == i * s.w + j
        return add_up("sum(dy * whether it was the largest)", {"dy": dy[n, :, :, c][over], "largest": chosen.astype(float)})

    def indices(self, op: Any) -> dict[str, IntArray]:
        """Which pixel of its window each number came from: row * width + column within the window."""
        s = pool_shape_of(op)
        rows, columns = np.divmod(op.index[0], s.w)
        rows -= np.arange(s.out_h, dtype=rows.dtype)[:, None, None] * s.stride[0] - s.padding[0]
        columns -= np.arange(s.out_w, dtype=rows.dtype)[:, None] * s.stride[1] - s.padding[1]
        return {"winners": rows // s.dilation[0] * s.kw + columns // s.dilation[1]}

    def title(self, op: Any) -> str:
        return f"max {window_title(pool_shape_of(op))}"

    def words(self, op: Any, context: Context) -> str:
        s = pool_shape_of(op)
        largest = f"The largest value of each {s.kh}x{s.kw} window"
        if op.y.shape == op.inputs[0].shape:
            return f"{largest}, with stride 1: what responds strongly nearby. The map keeps its size."
        return f"{largest}. The map gets smaller, and each of its pixels sees more of the image."


@rule_for(AvgPool2d)
class AvgPool2dRule(_Pooling):
    """The mean of the window, over the pixels inside the map or also those of its padding."""

    function = javascript = kernel = "avg_pool2d"
    gradient_kernels = ("avg_pool2d_backward",)

    def settings(self, op: Any) -> dict[str, Any]:
        return super().settings(op) | {"countPadding": pool_shape_of(op).count_padding}

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, i, j, c = index
        s = pool_shape_of(op)
        pixels = int(divisors(s, np.array([i]), np.array([j]))[0, 0])
        return mean(op.inputs[0].data[n, :, :, c], *spans(s, i, j), pixels)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, i, j, c = index
        s = pool_shape_of(op)
        rows, columns = covering(s, i, j)
        return add_up("sum(dy * 1 / pixels)", {"dy": dy[n, :, :, c][np.ix_(rows, columns)], "1 / pixels": 1 / divisors(s, rows, columns)})

    def title(self, op: Any) -> str:
        return f"avg {window_title(pool_shape_of(op))}"

    def words(self, op: Any, context: Context) -> str:
        return "The mean of each window." + " Padding counts as zeros." * pool_shape_of(op).count_padding


@rule_for(GlobalAvgPool2d)
class GlobalAvgPool2dRule(Pointwise):
    """The mean of the map."""

    function = javascript = kernel = "global_avg_pool2d"
    gradient_kernels = ("global_avg_pool2d_backward",)
    kind = "pool"
    back = "Each pixel has an equal share in the mean and gets an equal share of the gradient."

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, c = index
        return mean(op.inputs[0].data[n, :, :, c], slice(0, None), slice(0, None))

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        _, h, w, _ = op.inputs[0].shape
        return add_up("dy * 1 / pixels", {"dy": dy[index[0], index[3]], "1 / pixels": np.asarray(1 / (h * w))})

    def title(self, op: Any) -> str:
        return "global avg"

    def words(self, op: Any, context: Context) -> str:
        _, h, w, c = op.inputs[0].shape
        return f"The mean of each of {c} channels over its {h}x{w} pixels. It has no weights, and the evidence for each class stays a map."
