"""Max, average and global average pooling."""

from typing import Any

from .. import kernels
from ..array_types import Array, IntArray, Padding, Pair
from ..checks import pair
from ..op import Op
from ..tensor import Tensor, is_recording
from .bf16 import is_halves


class MaxPool2d(Op):
    """The largest value of each window. The gradient goes where the maximum came from (`index`).

    `index`: numbers of pixels, in the map, or, if that is of bf16, in the window without padding."""

    new_gradients = takes_bf16 = True

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
        out: Array | None = None,
    ):
        self.window: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation
        }
        self.out = out

    def forward(self, x: Array) -> Array:
        with_index = is_recording() or bool(self.inputs)  # inputs: a recorded run is replayed
        largest = max(pair("max_pool2d", "kernel_size", self.window["kernel_size"], 1))
        self.is_bf16 = is_halves(x) and largest <= kernels.bf16.LARGEST_WINDOW
        if self.is_bf16:
            y, self.index = kernels.bf16.max_pool2d(x, out=self.out, with_index=with_index, **self.window)
            return y
        wide = kernels.bf16.from_bf16(x) if is_halves(x) else x
        if is_halves(x if self.out is None else self.out):
            y, self.index = kernels.max_pool2d(wide, with_index=with_index, **self.window)
            return kernels.bf16.to_bf16(y, self.out)
        y, self.index = kernels.max_pool2d(wide, out=self.out, with_index=with_index, **self.window)
        return y

    def backward(self, dy: Array) -> tuple[Array]:
        if self.is_bf16:
            return (kernels.bf16.max_pool2d_backward(self.inputs[0].shape, self.index, dy, **self.window),)
        return (kernels.max_pool2d_backward(self.inputs[0].shape, self.index, dy, **self.window),)

    def active_set(self) -> IntArray:
        index: IntArray = self.index
        return index


class AvgPool2d(Op):
    """The mean of each window over the pixels inside the map, or inside the map and its padding if `count_include_pad`."""

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, ceil_mode: bool = False, dilation: Pair = 1,
        count_include_pad: bool = False,
    ):
        self.window: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation,
            "count_include_pad": count_include_pad,
        }

    def forward(self, x: Array) -> Array:
        return kernels.avg_pool2d(x, **self.window)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.avg_pool2d_backward(self.inputs[0].shape, dy, **self.window),)


class GlobalAvgPool2d(Op):
    """The mean of each channel: [n, h, w, c] to [n, c]. (Lin et al. 2013)"""

    def forward(self, x: Array) -> Array:
        return kernels.global_avg_pool2d(x)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.global_avg_pool2d_backward(self.inputs[0].shape, dy),)


def max_pool2d(
    x: Tensor, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, *, ceil_mode: bool = False, dilation: Pair = 1,
    out: Array | None = None,
) -> Tensor:
    """The largest value of each `kernel_size` window of `x` NHWC; padding is never read, `stride` None means `kernel_size`.

    padding: one number, (vertical, horizontal), or (top, left, bottom, right)."""
    return MaxPool2d(kernel_size, stride, padding, ceil_mode, dilation, out)(x)


def avg_pool2d(
    x: Tensor, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, *, ceil_mode: bool = False, dilation: Pair = 1,
    count_include_pad: bool = False,
) -> Tensor:
    """The mean of each `kernel_size` window of `x` NHWC over its pixels inside the map; `stride` None means `kernel_size`.

    count_include_pad: over its pixels inside the map and its padding, which is 0. padding: as of `max_pool2d`."""
    return AvgPool2d(kernel_size, stride, padding, ceil_mode, dilation, count_include_pad)(x)


def global_avg_pool2d(x: Tensor) -> Tensor:
    """The mean of each channel of `x` [n, h, w, c]: [n, c]."""
    return GlobalAvgPool2d()(x)
