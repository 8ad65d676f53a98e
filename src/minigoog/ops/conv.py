"""Convolution, with bias and optionally ReLU in the same pass."""

from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, BoolArray, Padding, Pair
from ..checks import check_choice
from ..kernels.shapes import CONV_ALGORITHMS
from ..op import Op
from ..tensor import Tensor
from .bf16 import in_bf16, is_positive
from .rows import before_relu


class Conv2d(Op):
    """y = conv(x, w) + b, and max(0, .) if `relu`. x NHWC, w HWIO [kh, kw, cin / groups, cout]."""

    read_for = {"x": 1, "w": 0}
    new_gradients = adds_up = overwrites = takes_bf16 = True

    def __init__(
        self,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        relu: bool = False,
        out: Array | None = None,
        algorithm: str = "auto",
    ):
        self.window: dict[str, Any] = {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "algorithm": algorithm
        }
        self.relu, self.out = relu, out

    def forward(self, x: Array, w: Array, b: Array | None = None) -> Array:
        self.x, self.w = x, w
        if not self.inputs:  # a replay computes as the recorded run did
            self.precision = "bf16" if in_bf16(x, self.out) else "float32"
        y = self._in_bf16(x, w, b) if self.precision == "bf16" else kernels.conv2d(x, w, b, relu=self.relu, out=self.out, **self.window)
        if self.relu:  # without ReLU, backward does not read y, and a ReLU in place may follow
            self.y = y
        return y

    def backward(self, dy: Array, accumulate: Array | None = None, overwrite: bool = False) -> tuple[Array | None, ...]:
        if self.precision == "bf16":
            return self._backward_in_bf16(dy, accumulate, overwrite)
        dz, db = before_relu(self, dy, overwrite)
        dx = kernels.conv2d_input(self.x.shape, self.w, dz, accumulate=accumulate, **self.window) if self.needs_grad(0) else None
        dw = kernels.conv2d_weight(self.x, self.w.shape, dz, **self.window) if self.needs_grad(1) else None
        return (dx, dw, db)[: len(self.inputs)]

    def _in_bf16(self, x: Array, w: Array, b: Array | None) -> Array:
        """Forward: with ReLU to bf16, else to float32, for what follows is another operation's."""
        check_choice("conv2d", "algorithm", self.window["algorithm"], CONV_ALGORITHMS)  # which bf16 has but one of
        self.window_bf16 = {name: value for name, value in self.window.items() if name != "algorithm"}
        out = self.out
        if out is None and not self.relu:
            out = kernels.empty(kernels.bf16.shape_of(x, w, **self.window_bf16).y)
        return kernels.bf16.conv2d(x, w, b, relu=self.relu, out=out, **self.window_bf16)

    def _backward_in_bf16(self, dy: Array, accumulate: Array | None, overwrite: bool) -> tuple[Array | None, ...]:
        """Backward: dz is rounded to bf16 unless the layer's products are made in float32."""
        dz: Array
        db: Array | None
        window, narrow = self.window_bf16, not kernels.bf16.by_winograd(kernels.bf16.shape_of(self.x, self.w, **self.window_bf16))
        if self.relu and self.y.dtype == np.uint16:
            dz, db = kernels.bf16.relu_bias_backward(self.y, dy, to_bf16=narrow, out=dy if overwrite and not narrow else None)
        else:
            wide, db = before_relu(self, dy, overwrite)
            dz = kernels.bf16.to_bf16(wide) if narrow else wide
        dx = kernels.bf16.conv2d_input(self.x.shape, self.w, dz, accumulate=accumulate, **window) if self.needs_grad(0) else None
        dw = kernels.bf16.conv2d_weight(self.x, self.w.shape, dz, **window) if self.needs_grad(1) else None
        return (dx, dw, db)[: len(self.inputs)]

    def active_set(self) -> BoolArray | None:
        return is_positive(self.y) if self.relu else None


def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
    relu: bool = False,
    out: Array | None = None,
    algorithm: str = "auto",
) -> Tensor:
    """Convolution of `x` [n, h, w, cin] with `w` [kh, kw, cin / groups, cout], plus `b` [cout], then ReLU if `relu`.

    padding: one number, (vertical, horizontal), or (top, left, bottom, right).
    `out`: an array to write to, such as a channel slice of a wider map (see `channel_slices`)."""
    return Conv2d(stride, padding, dilation, groups, relu, out, algorithm)(*((x, w) if b is None else (x, w, b)))
