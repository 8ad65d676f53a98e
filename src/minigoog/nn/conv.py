"""The convolutional layer."""

import math

from .. import ops
from ..array_types import Array, Padding, Pair, Shape
from ..checks import as_pair, check_bool, check_int, pair, sides
from ..tensor import Tensor
from ..text import shape_text
from .init import Init, bias_parameter, he_normal
from .module import Module, Parameter


class Conv2d(Module):
    """Convolution of NHWC maps, with a bias unless `bias` is False, and with ReLU in the same pass if `relu`.

    weight: HWIO [kh, kw, in_channels / groups, out_channels], its initial values from `init`; bias: [out_channels], all `bias_init`.
    padding: one number, (vertical, horizontal), or (top, left, bottom, right)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1, padding: Padding = 0, *,
        dilation: Pair = 1, groups: int = 1, bias: bool = True, relu: bool = False, init: Init = he_normal, bias_init: float = 0.0,
    ) -> None:
        where = "Conv2d"
        self.in_channels = check_int(where, "in_channels", in_channels, 1)
        self.out_channels = check_int(where, "out_channels", out_channels, 1)
        self.kernel_size = pair(where, "kernel_size", kernel_size, 1)
        self.stride, self.padding = pair(where, "stride", stride, 1), as_pair(sides(where, "padding", padding))
        self.dilation = pair(where, "dilation", dilation, 1)
        self.groups, self.relu = check_int(where, "groups", groups, 1), check_bool(where, "relu", relu)
        if in_channels % groups or out_channels % groups:
            channels = f"in_channels {in_channels} and out_channels {out_channels}"
            raise ValueError(f"Conv2d: `groups` is {groups}, expected a divisor of {channels}")
        self.weight = Parameter(init((*self.kernel_size, in_channels // groups, out_channels)))
        self.bias = bias_parameter(where, out_channels, bias, bias_init)

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.conv2d(
            x, self.weight, self.bias, stride=self.stride, padding=self.padding, dilation=self.dilation, groups=self.groups,
            relu=self.relu, out=out,
        )

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return math.prod(y_shape) * math.prod(self.weight.shape[:3])

    def settings(self) -> str:
        parts = [str(self.in_channels), str(self.out_channels), "kernel_size={}x{}".format(*self.kernel_size)]
        parts += ["stride={}x{}".format(*self.stride)] * (self.stride != (1, 1))
        parts += [f"padding={shape_text(self.padding)}"] * any(self.padding)
        parts += ["dilation={}x{}".format(*self.dilation)] * (self.dilation != (1, 1))
        parts += [f"groups={self.groups}"] * (self.groups > 1) + ["bias=False"] * (self.bias is None) + ["relu"] * self.relu
        return ", ".join(parts + self.weight.said_density())
