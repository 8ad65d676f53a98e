"""Pooling layers."""

from .. import ops
from ..array_types import Array, Padding, Pair
from ..checks import as_pair, check_bool, pair, sides
from ..tensor import Tensor
from ..text import shape_text
from .module import Module


class _Pool2d(Module):
    """The settings that max and average pooling share."""

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, *, ceil_mode: bool = False, dilation: Pair = 1
    ) -> None:
        where = type(self).__name__
        self.kernel_size = pair(where, "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair(where, "stride", stride, 1)
        self.padding, self.ceil_mode = as_pair(sides(where, "padding", padding)), check_bool(where, "ceil_mode", ceil_mode)
        self.dilation = pair(where, "dilation", dilation, 1)

    def settings(self) -> str:
        parts = ["{}x{}".format(*self.kernel_size), "stride={}x{}".format(*self.stride)]
        parts += [f"padding={shape_text(self.padding)}"] * any(self.padding) + ["ceil_mode"] * self.ceil_mode
        parts += ["dilation={}x{}".format(*self.dilation)] * (self.dilation != (1, 1))
        return ", ".join(parts)


class MaxPool2d(_Pool2d):
    """The largest value of each window; in ceil mode the output size is rounded up, as in the paper's pools."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.max_pool2d(
            x, self.kernel_size, self.stride, self.padding, ceil_mode=self.ceil_mode, dilation=self.dilation, out=out
        )


class AvgPool2d(_Pool2d):
    """The mean of each window over the pixels inside the map, or, if `count_include_pad`, inside the map and its padding."""

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0, *, ceil_mode: bool = False, dilation: Pair = 1,
        count_include_pad: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode, dilation=dilation)
        self.count_include_pad = check_bool("AvgPool2d", "count_include_pad", count_include_pad)

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, ceil_mode=self.ceil_mode, dilation=self.dilation,
            count_include_pad=self.count_include_pad,
        )

    def settings(self) -> str:
        return super().settings() + ", count_include_pad" * self.count_include_pad


class GlobalAvgPool2d(Module):
    """The mean of each channel: [n, h, w, c] to [n, c]. (Lin et al. 2013)"""

    def forward(self, x: Tensor) -> Tensor:
        return ops.global_avg_pool2d(x)


class AdaptiveAvgPool2d(Module):
    """Averages [n, h, w, c] to [n, *output_size, c], whatever h and w are; `output_size`: (height, width), or one number for both.

    (PyTorch's; used by torchvision's auxiliary heads)"""

    def __init__(self, output_size: Pair) -> None:
        self.output_size = pair("AdaptiveAvgPool2d", "output_size", output_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        return ops.adaptive_avg_pool2d(x, self.output_size)

    def settings(self) -> str:
        return "{}x{}".format(*self.output_size)
