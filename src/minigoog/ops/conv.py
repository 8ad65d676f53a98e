"""Convolution, with bias and optionally ReLU in the same pass."""

from typing import Any

from .. import kernels
from ..array_types import Array, BoolArray, Padding, Pair
from ..op import Op
from ..tensor import Tensor
from .rows import before_relu


class Conv2d(Op):
    """y = conv(x, w) + b, and max(0, .) if `relu`. x NHWC, w HWIO [kh, kw, cin / groups, cout]."""

    read_for = {"x": 1, "w": 0}
    new_gradients = adds_up = overwrites = True

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
        y = kernels.conv2d(x, w, b, relu=self.relu, out=self.out, **self.window)
        if self.relu:  # without ReLU, backward does not read y, and a ReLU in place may follow
            self.y = y
        return y

    def backward(self, dy: Array, accumulate: Array | None = None, overwrite: bool = False) -> tuple[Array | None, ...]:
        dz, db = before_relu(self, dy, overwrite)
        dx = kernels.conv2d_input(self.x.shape, self.w, dz, accumulate=accumulate, **self.window) if self.needs_grad(0) else None
        dw = kernels.conv2d_weight(self.x, self.w.shape, dz, **self.window) if self.needs_grad(1) else None
        return (dx, dw, db)[: len(self.inputs)]

    def active_set(self) -> BoolArray | None:
        return self.y > 0 if self.relu else None


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
