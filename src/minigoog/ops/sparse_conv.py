"""Convolution with sparse weights, with bias and, if asked for, ReLU in the same pass."""

from .. import kernels
from ..op import Op


class SparseConv2d(Op):
    """y = conv(x, weights `values` at `pattern`) + b, and max(0, .) if `relu`. x NHWC; only the weights of the pattern have gradients."""

    def __init__(self, pattern, stride=1, padding=0, relu=False, out=None):
        self.pattern, self.window = pattern, {"stride": stride, "padding": padding}
        self.relu, self.out = relu, out

    def forward(self, x, values, b=None):
        self.x, self.values = x, values
        self.y = kernels.sparse_conv2d(x, values, b, pattern=self.pattern, relu=self.relu, out=self.out, **self.window)
        return self.y

    def backward(self, dy):
        dz = kernels.relu_backward(self.y, dy) if self.relu else dy
        dx = kernels.sparse_conv2d_input(self.x.shape, self.values, dz, pattern=self.pattern, **self.window) if self.needs_grad(0) else None
        dvalues = kernels.sparse_conv2d_weight(self.x, self.pattern, dz, **self.window) if self.needs_grad(1) else None
        return (dx, dvalues, kernels.conv2d_bias(dz))[: len(self.inputs)]

    def active_set(self):
        return self.y > 0 if self.relu else None


def sparse_conv2d(x, values, b=None, *, pattern, stride=1, padding=0, relu=False, out=None):
    """Convolution of `x` [n, h, w, cin] with the sparse weights `values` at `pattern`, plus `b` [cout], then ReLU if `relu`.

    `out`: an array to write to, such as a channel slice of a wider map (see `channel_slices`)."""
    return SparseConv2d(pattern, stride, padding, relu, out)(*((x, values) if b is None else (x, values, b)))
