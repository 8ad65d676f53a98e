"""Modules of imported networks that no other network has."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..array_types import Array
from ..nn import Buffer, Module, Parameter
from ..tensor import Tensor


class Function(Module):
    """An operation without parameters; the program gives its settings."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self.function = function

    def forward(self, *xs: Tensor, **settings: Any) -> Tensor:
        return self.function(*xs, **settings)

    def settings(self) -> str:
        return getattr(self.function, "__name__", "")


class ChannelAffine(Module):
    """A factor `weight` [c] and a summand `bias` [c] for each channel."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight, self.bias = Parameter(weight.astype(np.float32)), Parameter(bias.astype(np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.channel_affine(x, self.weight, self.bias)

    def settings(self) -> str:
        return str(self.weight.size)


class PReLU(Module):
    """x where it is above 0, else `weight` [c] times x."""

    def __init__(self, weight: Array) -> None:
        self.weight = Parameter(weight.astype(np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.prelu(x, self.weight)

    def settings(self) -> str:
        return str(self.weight.size)


class ConvTranspose2d(Module):
    """A transposed convolution, `weight` [kh, kw, cout / groups, cin], `bias` [cout]."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight, self.bias = Parameter(weight.astype(np.float32)), Parameter(bias.astype(np.float32))

    def forward(self, x: Tensor, **window: Any) -> Tensor:
        return ops.conv_transpose2d(x, self.weight, self.bias, **window)

    def settings(self) -> str:
        return "x".join(map(str, self.weight.shape))


class WithConstant(Module):
    """An operation of a map and an array that the file stores, such as the sum with it."""

    def __init__(self, function: Callable[..., Tensor], constant: Array) -> None:
        self.function, self.constant = function, Buffer(constant.astype(np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, Tensor(self.constant.data))

    def settings(self) -> str:
        return f"{self.function.__name__}, {'x'.join(map(str, self.constant.shape))}"
