"""The convolutional layer with sparse weights."""

import math
from typing import Self

import numpy as np

from .. import ops
from ..array_types import Array, Pair, Shape
from ..checks import check_array, check_bool, pair
from ..kernels.sparse_pattern import SparsePattern
from ..tensor import Tensor
from .conv import Conv2d
from .module import Module, Parameter
from .pruning import largest


class SparseConv2d(Module):
    """Convolution of NHWC maps that stores, multiplies and trains only its non-zero weights.

    weight: dense HWIO [kh, kw, in_channels, out_channels] with its zeros; bias: [out_channels] or None. block: 1 (CSR), or a multiple
    of 16: so many neighbouring output channels keep a weight if one of them has it.

    It trains at the cost of the weights that it has, on sparse kernels, where a pruned Conv2d runs on dense ones. A state_dict holds the
    values without the pattern: what is saved is `to_conv()`, which knows its mask."""

    def __init__(
        self, weight: Array, bias: Array | None = None, *,
        stride: Pair = 1, padding: Pair = 0, relu: bool = False, block: int = 1,
    ) -> None:
        where = "SparseConv2d"
        check_array(where, "weight", weight, ndim=4)
        self.pattern = SparsePattern.from_mask(weight != 0, block)
        *self.kernel_size, self.in_channels, self.out_channels = weight.shape
        self.stride, self.padding = pair(where, "stride", stride, 1), pair(where, "padding", padding, 0)
        self.relu = check_bool(where, "relu", relu)
        self.values = Parameter(self.pattern.gather(weight))
        self.bias = None
        if bias is not None:
            self.bias = Parameter(check_array(where, "bias", bias, dtype=weight.dtype, shape=weight.shape[3:]).copy())

    @classmethod
    def from_conv(cls, conv: Conv2d, density: float = 1.0, block: int = 1) -> Self:
        """`conv`, pruned or not, with only the share `density` of its weights, the largest (or blocks, by their norm); groups become
        zeros."""
        if not _can_be_sparse(conv):
            raise ValueError(f"SparseConv2d: `conv` is {conv!r}, expected the same padding on opposite sides and no dilation")
        weight = conv.weight.data * largest(conv.weight.data, density, block)
        weight = ungrouped(weight, conv.groups)
        bias = None if conv.bias is None else conv.bias.data
        return cls(weight, bias, stride=conv.stride, padding=conv.padding, relu=conv.relu, block=block)

    def to_conv(self) -> Conv2d:
        """The dense layer that computes the same."""
        conv = Conv2d(
            self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding,
            bias=self.bias is not None, relu=self.relu, init=lambda shape: self.dense_weight(),
        )
        if self.bias is not None:
            conv.bias = Parameter(self.bias.data.copy())
        conv.weight.mask = self.pattern.scatter(np.ones(self.pattern.values_shape, self.values.dtype)) != 0
        return conv

    def dense_weight(self) -> Array:
        """The weights with their zeros: [kh, kw, in_channels, out_channels]."""
        return self.pattern.scatter(self.values.data)

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.sparse_conv2d(
            x, self.values, self.bias, pattern=self.pattern, stride=self.stride, padding=self.padding, relu=self.relu, out=out
        )

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return math.prod(y_shape[:-1]) * self.pattern.n_weights

    def settings(self) -> str:
        parts = [repr(self.pattern)] + ["stride={}x{}".format(*self.stride)] * (self.stride != (1, 1))
        parts += ["padding={}x{}".format(*self.padding)] * (self.padding != (0, 0))
        parts += ["bias=False"] * (self.bias is None) + ["relu"] * self.relu
        return ", ".join(parts)


def ungrouped(weight: Array, groups: int) -> Array:
    """The weights [kh, kw, cin, cout] of the ungrouped convolution that computes what `weight` [kh, kw, cin / groups, cout] does."""
    cin, cout = weight.shape[2], weight.shape[3] // groups
    dense = np.zeros((*weight.shape[:2], groups * cin, groups * cout), weight.dtype)
    for g in range(groups):
        dense[:, :, g * cin : (g + 1) * cin, g * cout : (g + 1) * cout] = weight[..., g * cout : (g + 1) * cout]
    return dense


def _can_be_sparse(conv: Conv2d) -> bool:
    return len(conv.padding) == 2 and conv.dilation == (1, 1)
