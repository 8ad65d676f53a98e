"""Transposed convolution: the input gradient of a convolution, as a forward pass."""

from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Padding, Pair, Shape
from ..checks import check_array, check_int, pair, sides
from ..kernels.shapes import check_lengths
from ..op import Op
from ..tensor import Tensor


class ConvTranspose2d(Op):
    """y = the gradient of the input of conv2d with the weights w, if x is that of its output, plus b.

    x [n, h, w, cin]; w [kh, kw, cout / groups, cin], as of the convolution from cout to cin channels. (Zeiler et al. 2010)"""

    read_for = {"x": 1, "w": 0}

    def __init__(
        self, stride: Pair = 1, padding: Padding = 0, output_padding: Pair = 0, dilation: Pair = 1, groups: int = 1
    ):
        where = "conv_transpose2d"
        self.stride, self.padding = pair(where, "stride", stride, 1), sides(where, "padding", padding)
        self.output_padding = pair(where, "output_padding", output_padding, 0)
        self.dilation = pair(where, "dilation", dilation, 1)
        self.groups = check_int(where, "groups", groups, 1)
        most = tuple(max(both) for both in zip(self.stride, self.dilation, strict=True))  # as in PyTorch
        if any(extra >= limit for extra, limit in zip(self.output_padding, most, strict=True)):
            limits = f"the stride {self.stride} or the dilation {self.dilation}"
            raise ValueError(f"{where}: `output_padding` is {self.output_padding}, expected less than {limits}")
        top, left, *ends = self.padding
        beyond = [max(0, extra - step + 1) for extra, step in zip(self.output_padding, self.stride, strict=True)]
        kept = [min(pair) for pair in zip(beyond, ends, strict=True)]  # rows and columns that `padding` need not cut off
        self.zeros = (beyond[0] - kept[0], beyond[1] - kept[1])  # at the end of y, where no filter reaches
        self.cut = (top, left, ends[0] - kept[0], ends[1] - kept[1])

    @property
    def window(self) -> dict[str, Any]:
        """The settings of the convolution whose gradient this is: from y, less its `zeros`, to x."""
        return {"stride": self.stride, "padding": self.cut, "dilation": self.dilation, "groups": self.groups}

    def reached(self, y: Array) -> Array:
        """The part of y, or of its gradient, that filters reach."""
        return np.ascontiguousarray(y[:, : y.shape[1] - self.zeros[0], : y.shape[2] - self.zeros[1]]) if any(self.zeros) else y

    def forward(self, x: Array, w: Array, b: Array | None = None) -> Array:
        n, rows, columns, channels = self.output_shape(x, w)
        self.x, self.w = np.ascontiguousarray(x), np.ascontiguousarray(w)
        y = kernels.conv2d_input((n, rows - self.zeros[0], columns - self.zeros[1], channels), self.w, self.x, **self.window)
        if any(self.zeros):
            y = np.pad(y, ((0, 0), (0, self.zeros[0]), (0, self.zeros[1]), (0, 0)))
        if b is not None:
            y += check_array("conv_transpose2d", "b", b, dtype=x.dtype, shape=y.shape[-1:])
        return y

    def output_shape(self, x: Array, w: Array) -> Shape:
        """The shape of y; raises if there is none."""
        check_array("conv_transpose2d", "x", x, ndim=4)
        check_array("conv_transpose2d", "w", w, dtype=x.dtype, ndim=4)
        check_lengths("conv_transpose2d", "x", x.shape, empty_batch=True)
        check_lengths("conv_transpose2d", "w", w.shape)
        if w.shape[3] != x.shape[3]:
            raise ValueError(f"conv_transpose2d: `w` takes {w.shape[3]} channels but `x` has {x.shape[3]} (x NHWC {x.shape}, w {w.shape})")
        if x.shape[3] % self.groups:
            raise ValueError(f"conv_transpose2d: `groups` is {self.groups}, expected a divisor of the {x.shape[3]} channels of `x`")
        return (x.shape[0], *(self._length(i, x.shape[1 + i], w.shape[i]) for i in range(2)), w.shape[2] * self.groups)

    def _length(self, i: int, n: int, kernel: int) -> int:
        """How many rows (i 0) or columns (i 1) the output has if the input has `n`."""
        without = (n - 1) * self.stride[i] + self.dilation[i] * (kernel - 1) + 1 + self.output_padding[i]
        length = without - self.padding[i] - self.padding[i + 2]
        if length - self.zeros[i] < 1:
            left = f"it leaves {length - self.zeros[i]} {('rows', 'columns')[i]}"
            raise ValueError(f"conv_transpose2d: `padding` is {self.padding}, expected less: {left}")
        return length

    def backward(self, dy: Array) -> tuple[Array | None, ...]:
        reached = self.reached(dy)
        dx = kernels.conv2d(reached, self.w, **self.window) if self.needs_grad(0) else None
        dw = kernels.conv2d_weight(reached, self.w.shape, self.x, **self.window) if self.needs_grad(1) else None
        return (dx, dw) if len(self.inputs) == 2 else (dx, dw, kernels.conv2d_bias(dy))


def conv_transpose2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Transposed convolution of `x` [n, h, w, cin] with `w` [kh, kw, cout / groups, cin], plus `b` [cout].

    It gives (size - 1) * stride + dilation * (kernel - 1) + 1 + output_padding rows and columns, less the padding: as many as a
    convolution with these settings needs to give `size`. `padding`: an integer, (vertical, horizontal) or (top, left, bottom, right)."""
    return ConvTranspose2d(stride, padding, output_padding, dilation, groups)(*((x, w) if b is None else (x, w, b)))
