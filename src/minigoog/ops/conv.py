"""Convolution, with bias and, if asked for, ReLU in the same pass."""

from .. import kernels
from ..op import Op


class Conv2d(Op):
    """y = conv(x, w) + b, and max(0, .) if `relu`. x NHWC, w HWIO [kh, kw, cin / groups, cout]."""

    def __init__(self, stride=1, padding=0, groups=1, relu=False, out=None, algorithm="auto"):
        self.window = {"stride": stride, "padding": padding, "groups": groups, "algorithm": algorithm}
        self.relu, self.out = relu, out

    def forward(self, x, w, b=None):
        self.x, self.w = x, w
        self.y = kernels.conv2d(x, w, b, relu=self.relu, out=self.out, **self.window)
        return self.y

    def backward(self, dy):
        dz = kernels.relu_backward(self.y, dy) if self.relu else dy
        dx = kernels.conv2d_input(self.x.shape, self.w, dz, **self.window) if self.needs_grad(0) else None
        dw = kernels.conv2d_weight(self.x, self.w.shape, dz, **self.window) if self.needs_grad(1) else None
        return (dx, dw) if len(self.inputs) == 2 else (dx, dw, kernels.conv2d_bias(dz))

    def active_set(self):
        return self.y > 0 if self.relu else None


def conv2d(x, w, b=None, *, stride=1, padding=0, groups=1, relu=False, out=None, algorithm="auto"):
    """Convolution of `x` [n, h, w, cin] with `w` [kh, kw, cin / groups, cout], plus `b` [cout], then ReLU if `relu`.

    `out`: an array to write to, such as a channel slice of a wider map (see `channel_slices`)."""
    return Conv2d(stride, padding, groups, relu, out, algorithm)(*((x, w) if b is None else (x, w, b)))
