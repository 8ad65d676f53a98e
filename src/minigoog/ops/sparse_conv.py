"""Convolution with sparse weights, with bias and optionally ReLU in the same pass."""

from typing import Any

from .. import kernels
from ..array_types import Array, BoolArray, Pair
from ..kernels.sparse_pattern import SparsePattern, check_pattern
from ..op import Op
from ..tensor import Tensor
from .conv import conv2d
from .rows import before_relu


class SparseConv2d(Op):
    """y = conv(x, weights `values` at `pattern`) + b, and max(0, .) if `relu`. x NHWC; only the weights of the pattern have gradients."""

    read_for = {"x": 1, "values": 0}
    new_gradients = overwrites = True

    def __init__(self, pattern: SparsePattern, stride: Pair = 1, padding: Pair = 0, relu: bool = False, out: Array | None = None):
        self.pattern, self.relu, self.out = pattern, relu, out
        self.window: dict[str, Any] = {"stride": stride, "padding": padding}

    def forward(self, x: Array, values: Array, b: Array | None = None) -> Array:
        self.x, self.values = x, values
        y = kernels.sparse_conv2d(x, values, b, pattern=self.pattern, relu=self.relu, out=self.out, **self.window)
        if self.relu:
            self.y = y
        return y

    def backward(self, dy: Array, overwrite: bool = False) -> tuple[Array | None, ...]:
        dz, db = before_relu(self, dy, overwrite)
        dx = kernels.sparse_conv2d_input(self.x.shape, self.values, dz, pattern=self.pattern, **self.window) if self.needs_grad(0) else None
        dvalues = kernels.sparse_conv2d_weight(self.x, self.pattern, dz, **self.window) if self.needs_grad(1) else None
        return (dx, dvalues, db)[: len(self.inputs)]

    def active_set(self) -> BoolArray | None:
        return self.y > 0 if self.relu else None


def sparse_conv2d(
    x: Tensor,
    values: Tensor,
    b: Tensor | None = None,
    *,
    pattern: SparsePattern,
    stride: Pair = 1,
    padding: Pair = 0,
    relu: bool = False,
    out: Array | None = None,
) -> Tensor:
    """Convolution of `x` [n, h, w, cin] with the sparse weights `values` at `pattern`, plus `b` [cout], then ReLU if `relu`.

    `out`: an array to write to, such as a channel slice of a wider map (see `channel_slices`). In a plan it is a convolution whose
    weights have zeros: `compile` decides what is fastest."""
    if kernels.outline.promises.get() is not None:  # the model is being compiled
        dense = Tensor(check_pattern("sparse_conv2d", pattern).scatter(values.data))
        return conv2d(x, dense, b, stride=stride, padding=padding, relu=relu, out=out)
    return SparseConv2d(pattern, stride, padding, relu, out)(*((x, values) if b is None else (x, values, b)))
