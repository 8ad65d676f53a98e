"""Pooling layers."""

from .. import ops
from ..checks import check_int, pair
from .module import Module


class _Pool2d(Module):
    """What max and average pooling share: their settings."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False):
        where = type(self).__name__
        self.kernel_size = pair(where, "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair(where, "stride", stride, 1)
        self.padding, self.ceil_mode = pair(where, "padding", padding, 0), ceil_mode

    def settings(self):
        parts = ["{}x{}".format(*self.kernel_size), "stride={}x{}".format(*self.stride)]
        parts += ["padding={}x{}".format(*self.padding)] * (self.padding != (0, 0)) + ["ceil_mode"] * self.ceil_mode
        return ", ".join(parts)


class MaxPool2d(_Pool2d):
    """The largest value of each window; in ceil mode the output size is rounded up, as the paper's pools want it."""

    def forward(self, x, out=None):
        return ops.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, out=out)


class AvgPool2d(_Pool2d):
    """The mean of each window over the pixels inside the map."""

    def forward(self, x):
        return ops.avg_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


class GlobalAvgPool2d(Module):
    """The mean of each channel: [n, h, w, c] to [n, c]. (Lin et al. 2013)"""

    def forward(self, x):
        return ops.global_avg_pool2d(x)


class AdaptiveAvgPool2d(Module):
    """Averages [n, h, w, c] to [n, size, size, c], whatever h and w are. (PyTorch's; used by torchvision's auxiliary heads)"""

    def __init__(self, size):
        self.size = check_int("AdaptiveAvgPool2d", "size", size, 1)

    def forward(self, x):
        return ops.adaptive_avg_pool2d(x, self.size)

    def settings(self):
        return str(self.size)
