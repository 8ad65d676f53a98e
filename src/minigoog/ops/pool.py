"""Max, average and global average pooling."""

from .. import kernels
from ..op import Op
from ..tensor import is_recording


class MaxPool2d(Op):
    """The largest value of each window. The gradient goes where the maximum came from (`index`)."""

    def __init__(self, size, stride=None, padding=0, ceil_mode=False, out=None):
        self.window = {"size": size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        self.out = out

    def forward(self, x):
        self.y, self.index = kernels.max_pool2d(x, out=self.out, with_index=is_recording(), **self.window)
        return self.y

    def backward(self, dy):
        return (kernels.max_pool2d_backward(self.inputs[0].shape, self.index, dy, **self.window),)

    def active_set(self):
        return self.index


class AvgPool2d(Op):
    """The mean of each window over the pixels inside the map."""

    def __init__(self, size, stride=None, padding=0, ceil_mode=False):
        self.window = {"size": size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}

    def forward(self, x):
        return kernels.avg_pool2d(x, **self.window)

    def backward(self, dy):
        return (kernels.avg_pool2d_backward(self.inputs[0].shape, dy, **self.window),)


class GlobalAvgPool2d(Op):
    """The mean of each channel: [n, h, w, c] to [n, c]. (Lin et al. 2013)"""

    def forward(self, x):
        return kernels.global_avg_pool2d(x)

    def backward(self, dy):
        return (kernels.global_avg_pool2d_backward(self.inputs[0].shape, dy),)


def max_pool2d(x, size, stride=None, padding=0, ceil_mode=False, *, out=None):
    """The largest value of each `size` window of `x` NHWC; padding is never read, `stride` None means `size`."""
    return MaxPool2d(size, stride, padding, ceil_mode, out)(x)


def avg_pool2d(x, size, stride=None, padding=0, ceil_mode=False):
    """The mean of each `size` window of `x` NHWC over the pixels inside the map; `stride` None means `size`."""
    return AvgPool2d(size, stride, padding, ceil_mode)(x)


def global_avg_pool2d(x):
    """The mean of each channel of `x` [n, h, w, c]: [n, c]."""
    return GlobalAvgPool2d()(x)
