"""The fully connected layer."""

import math

import numpy as np

from .. import ops
from ..checks import check_int
from .init import he_normal
from .module import Module, Parameter


class Linear(Module):
    """y = x weight + bias, and ReLU in the same pass if `relu`. weight [in_features, out_features]."""

    def __init__(self, in_features, out_features, relu=False, init=he_normal, bias=0.0):
        self.in_features = check_int("Linear", "in_features", in_features, 1)
        self.out_features = check_int("Linear", "out_features", out_features, 1)
        self.relu = relu
        self.weight = Parameter(init((in_features, out_features)))
        self.bias = None if bias is None else Parameter(np.full(out_features, bias, np.float32))

    def forward(self, x):
        return ops.linear(x, self.weight, self.bias, relu=self.relu)

    def multiply_adds(self, x_shape, y_shape):
        return math.prod(y_shape) * self.in_features

    def settings(self):
        return ", ".join([str(self.in_features), str(self.out_features)] + ["bias=None"] * (self.bias is None) + ["relu"] * self.relu)
