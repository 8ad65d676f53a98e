"""Batch normalisation, which is a year younger than the paper's network. (Ioffe, Szegedy 2015, arXiv 1502.03167)"""

import numpy as np

from .. import ops, writes
from ..array_types import Array, Pair, Shape
from ..checks import check_bool, check_int, check_real
from ..ops.batch_norm import BatchNorm2d as BatchNormOp
from ..tensor import Tensor, is_recording
from .conv import Conv2d
from .init import Init, he_normal
from .module import Buffer, Module, Parameter


class BatchNorm2d(Module):
    """Normalises each channel to mean 0 and variance 1, with batch statistics in training and running averages in evaluation; then scales
and shifts it.

    weight, bias: [num_features]. running_mean, running_var: new = (1 - momentum) * old + momentum * the batch's, the variance
    unbiased, as in PyTorch. `relu`: in the same pass."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, *, relu: bool = False) -> None:
        n = check_int("BatchNorm2d", "num_features", num_features, 1)
        self.eps, self.momentum = check_real("BatchNorm2d", "eps", eps, 0), check_real("BatchNorm2d", "momentum", momentum, 0, 1)
        self.relu = check_bool("BatchNorm2d", "relu", relu)
        self.weight, self.bias = Parameter(np.ones(n, np.float32)), Parameter(np.zeros(n, np.float32))
        self.running_mean, self.running_var = Buffer(np.zeros(n, np.float32)), Buffer(np.ones(n, np.float32))

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        if not self.training:
            return self._normalise(x, out)
        op = BatchNormOp(self.eps, self.relu, out)
        y = op(x, self.weight, self.bias)
        rows = x.size // x.shape[-1]
        if rows == 1 and is_recording():  # else nobody learns from it: summary runs one image in training mode too
            raise ValueError(f"BatchNorm2d: `x` has shape {x.shape}, expected more than one value of each channel in training")
        self._follow(self.running_mean.data, op.mean)
        self._follow(self.running_var.data, op.variance * np.float32(rows / max(rows - 1, 1)))
        return y

    def _normalise(self, x: Tensor, out: Array | None) -> Tensor:
        """The output in evaluation."""
        y = ops.channel_affine(x, *self.scale_and_shift())
        if self.relu:
            return ops.relu(y, out=out)
        return y if out is None else ops.concat([y], out)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """The factor and the summand of each channel that evaluation uses."""
        nothing = Tensor(np.zeros_like(self.running_mean.data))
        inverse = Tensor(1 / np.sqrt(self.running_var.data + np.float32(self.eps)))
        scale = ops.channel_affine(self.weight, inverse, nothing)
        return scale, ops.channel_affine(scale, Tensor(-self.running_mean.data), self.bias)

    def _follow(self, running: Array, batch: Array) -> None:
        running += np.float32(self.momentum) * (batch - running)
        writes.note(running, "BatchNorm2d in training")

    def settings(self) -> str:
        return f"{self.weight.size}{', relu' * self.relu}"


class ConvBNReLU(Module):
    """A convolution without bias, batch normalisation, and ReLU if `relu`. In evaluation the normalisation is part of the weights."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1, padding: Pair = 0, *,
        relu: bool = True, init: Init = he_normal,
    ) -> None:
        for name, n in (("in_channels", in_channels), ("out_channels", out_channels)):
            check_int("ConvBNReLU", name, n, 1)
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False, init=init)
        self.norm = BatchNorm2d(out_channels, relu=relu)
        self.out_channels = self.conv.out_channels

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        if self.training:
            y: Tensor = self.norm(self.conv(x), out=out)
            return y
        conv, (scale, shift) = self.conv, self.norm.scale_and_shift()
        weight = ops.channel_affine(conv.weight, scale, Tensor(np.zeros_like(shift.data)))
        return ops.conv2d(x, weight, shift, stride=conv.stride, padding=conv.padding, relu=self.norm.relu, out=out)

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return self.conv.multiply_adds(x_shape, y_shape)

    def settings(self) -> str:
        return f"{self.conv.settings()}, norm{', relu' * self.norm.relu}"
