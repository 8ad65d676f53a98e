"""The fully connected layer."""

import math

from .. import ops
from ..array_types import Shape
from ..checks import check_bool, check_int
from ..tensor import Tensor
from .init import Init, bias_parameter, he_normal
from .module import Module, Parameter


class Linear(Module):
    """y = x weight + bias, without the bias if `bias` is False, and with ReLU in the same pass if `relu`.

    weight: [in_features, out_features], its initial values from `init`; bias: [out_features], all `bias_init`."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        relu: bool = False, init: Init = he_normal, bias_init: float = 0.0,
    ) -> None:
        self.in_features = check_int("Linear", "in_features", in_features, 1)
        self.out_features = check_int("Linear", "out_features", out_features, 1)
        self.relu = check_bool("Linear", "relu", relu)
        self.weight = Parameter(init((in_features, out_features)))
        self.bias = bias_parameter("Linear", out_features, bias, bias_init)

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias, relu=self.relu)

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return math.prod(y_shape) * self.in_features

    def settings(self) -> str:
        parts = [str(self.in_features), str(self.out_features)] + ["bias=False"] * (self.bias is None) + ["relu"] * self.relu
        return ", ".join(parts + self.weight.said_density())
