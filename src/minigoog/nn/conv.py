"""The convolutional layer."""

import math

import numpy as np

from .. import ops
from ..checks import check_int, pair
from .init import he_normal
from .module import Module, Parameter


class Conv2d(Module):
    """Convolution of NHWC maps, with bias, and with ReLU in the same pass if `relu`.

    weight: HWIO [kh, kw, in_channels / groups, out_channels]; `init` gives its first values, `bias` the bias's (None: no bias)."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1, relu=False, init=he_normal, bias=0.0):
        where = "Conv2d"
        self.in_channels = check_int(where, "in_channels", in_channels, 1)
        self.out_channels = check_int(where, "out_channels", out_channels, 1)
        self.kernel_size = pair(where, "kernel_size", kernel_size, 1)
        self.stride, self.padding = pair(where, "stride", stride, 1), pair(where, "padding", padding, 0)
        self.groups, self.relu = check_int(where, "groups", groups, 1), relu
        if in_channels % groups or out_channels % groups:
            channels = f"in_channels {in_channels} and out_channels {out_channels}"
            raise ValueError(f"Conv2d: `groups` is {groups}, expected a divisor of {channels}")
        self.weight = Parameter(init((*self.kernel_size, in_channels // groups, out_channels)))
        self.bias = None if bias is None else Parameter(np.full(out_channels, bias, np.float32))

    def forward(self, x, out=None):
        return ops.conv2d(
            x, self.weight, self.bias, stride=self.stride, padding=self.padding, groups=self.groups, relu=self.relu, out=out
        )

    def multiply_adds(self, x_shape, y_shape):
        return math.prod(y_shape) * math.prod(self.weight.shape[:3])

    def settings(self):
        parts = [str(self.in_channels), str(self.out_channels), "kernel_size={}x{}".format(*self.kernel_size)]
        parts += ["stride={}x{}".format(*self.stride)] * (self.stride != (1, 1))
        parts += ["padding={}x{}".format(*self.padding)] * (self.padding != (0, 0))
        parts += [f"groups={self.groups}"] * (self.groups > 1) + ["bias=None"] * (self.bias is None) + ["relu"] * self.relu
        return ", ".join(parts)
