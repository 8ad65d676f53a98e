"""The transposed convolution."""

import math

from .. import ops
from ..array_types import Padding, Pair, Shape
from ..checks import as_pair, check_int, pair, sides
from ..tensor import Tensor
from ..text import shape_text
from .init import Init, bias_parameter, he_normal
from .module import Module, Parameter


class ConvTranspose2d(Module):
    """Transposed convolution of NHWC maps, with a bias unless `bias` is False: a map `stride` times as large, and more.

    weight: [kh, kw, out_channels / groups, in_channels], its initial values from `init`; bias: [out_channels], all `bias_init`."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1, padding: Padding = 0, output_padding: Pair = 0, *,
        groups: int = 1, dilation: Pair = 1, bias: bool = True, init: Init = he_normal, bias_init: float = 0.0,
    ) -> None:
        where = "ConvTranspose2d"
        self.in_channels = check_int(where, "in_channels", in_channels, 1)
        self.out_channels = check_int(where, "out_channels", out_channels, 1)
        self.kernel_size, self.groups = pair(where, "kernel_size", kernel_size, 1), check_int(where, "groups", groups, 1)
        self.stride, self.padding = pair(where, "stride", stride, 1), as_pair(sides(where, "padding", padding))
        self.output_padding, self.dilation = pair(where, "output_padding", output_padding, 0), pair(where, "dilation", dilation, 1)
        if in_channels % groups or out_channels % groups:
            channels = f"in_channels {in_channels} and out_channels {out_channels}"
            raise ValueError(f"{where}: `groups` is {groups}, expected a divisor of {channels}")
        first = init((*self.kernel_size, in_channels // groups, out_channels))  # so that it sees what one output sums over
        self.weight = Parameter(first.reshape(*self.kernel_size, out_channels // groups, in_channels))
        self.bias = bias_parameter(where, out_channels, bias, bias_init)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv_transpose2d(
            x, self.weight, self.bias, stride=self.stride, padding=self.padding, output_padding=self.output_padding,
            dilation=self.dilation, groups=self.groups,
        )  # fmt: skip

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return math.prod(x_shape) * math.prod(self.weight.shape[:3])

    def settings(self) -> str:
        parts = [str(self.in_channels), str(self.out_channels), "kernel_size={}x{}".format(*self.kernel_size)]
        parts += ["stride={}x{}".format(*self.stride)] * (self.stride != (1, 1))
        parts += [f"padding={shape_text(self.padding)}"] * any(self.padding)
        parts += ["output_padding={}x{}".format(*self.output_padding)] * (self.output_padding != (0, 0))
        parts += ["dilation={}x{}".format(*self.dilation)] * (self.dilation != (1, 1))
        return ", ".join(parts + [f"groups={self.groups}"] * (self.groups > 1) + ["bias=False"] * (self.bias is None))
