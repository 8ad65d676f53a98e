"""Modules: parameters and the operations that use them."""

from .batch_norm import BatchNorm2d, ConvBNReLU
from .conv import Conv2d
from .dropout import Dropout
from .inception import Inception, NaiveInception
from .linear import Linear
from .module import Module, Parameter, Sequential
from .pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from .relu import Flatten, ReLU, Tanh
from .sparse import SparseConv2d, prune

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm2d", "Conv2d", "ConvBNReLU", "Dropout", "Flatten", "GlobalAvgPool2d", "Inception",
    "Linear", "MaxPool2d", "Module", "NaiveInception", "Parameter", "prune", "ReLU", "Sequential", "SparseConv2d", "Tanh",
]
