"""Batch normalisation, which the paper's network did not have: it came a year later, from the same group. (arXiv 1502.03167)"""

import numpy as np

from .. import ops
from ..checks import check_int, check_real
from ..ops.batch_norm import BatchNorm2d as BatchNormOp
from ..tensor import Tensor
from .conv import Conv2d
from .init import he_normal
from .module import Buffer, Module, Parameter


class BatchNorm2d(Module):
    """Brings each channel to mean 0 and variance 1, over the batch in training, by running averages in evaluation; then scales and shifts.

    weight, bias: [num_features]. running_mean, running_var: new = (1 - momentum) * old + momentum * the batch's, the variance
    unbiased, as in PyTorch. `relu`: in the same pass."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, relu=False):
        n = check_int("BatchNorm2d", "num_features", num_features, 1)
        self.eps, self.momentum = check_real("BatchNorm2d", "eps", eps, 0), check_real("BatchNorm2d", "momentum", momentum, 0, 1)
        self.relu = relu
        self.weight, self.bias = Parameter(np.ones(n, np.float32)), Parameter(np.zeros(n, np.float32))
        self.running_mean, self.running_var = Buffer(np.zeros(n, np.float32)), Buffer(np.ones(n, np.float32))

    def forward(self, x, out=None):
        if not self.training:
            scale, shift = self.scale_and_shift()
            y = ops.channel_affine(x, scale, shift)
            if self.relu:
                return ops.relu(y, out=out)
            return y if out is None else ops.concat([y], out)
        op = BatchNormOp(self.eps, self.relu, out)
        y = op(x, self.weight, self.bias)
        rows = x.size // x.shape[-1]
        self._follow(self.running_mean.data, op.mean)
        self._follow(self.running_var.data, op.variance * np.float32(rows / max(rows - 1, 1)))
        return y

    def scale_and_shift(self):
        """What evaluation does, as a factor and a summand for each channel."""
        nothing = Tensor(np.zeros_like(self.running_mean.data))
        inverse = Tensor(1 / np.sqrt(self.running_var.data + np.float32(self.eps)))
        scale = ops.channel_affine(self.weight, inverse, nothing)
        return scale, ops.channel_affine(scale, Tensor(-self.running_mean.data), self.bias)

    def _follow(self, running, batch):
        running += np.float32(self.momentum) * (batch - running)

    def settings(self):
        return f"{self.weight.size}{', relu' * self.relu}"


class ConvBNReLU(Module):
    """A convolution without bias, batch normalisation, and ReLU if `relu`. In evaluation the normalisation is part of the weights."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, relu=True, init=he_normal):
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, padding, init=init, bias=None)
        self.norm = BatchNorm2d(out_channels, relu=relu)
        self.out_channels = self.conv.out_channels

    def forward(self, x, out=None):
        if self.training:
            return self.norm(self.conv(x), out=out)
        conv, (scale, shift) = self.conv, self.norm.scale_and_shift()
        weight = ops.channel_affine(conv.weight, scale, Tensor(np.zeros_like(shift.data)))
        return ops.conv2d(x, weight, shift, stride=conv.stride, padding=conv.padding, relu=self.norm.relu, out=out)

    def multiply_adds(self, x_shape, y_shape):
        return self.conv.multiply_adds(x_shape, y_shape)

    def settings(self):
        return f"{self.conv.settings()}, norm{', relu' * self.norm.relu}"
