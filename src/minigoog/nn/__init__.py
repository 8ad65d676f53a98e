"""Modules: parameters and the operations that use them."""

from .activation import Flatten, Identity, LeakyReLU, ReLU, Softmax, Tanh
from .batch_norm import BatchNorm2d, ConvBNReLU
from .containers import Branches, ModuleList, Sequential
from .conv import Conv2d
from .dropout import Dropout
from .inception import Inception, NaiveInception
from .linear import Linear
from .loss import CrossEntropyLoss
from .module import Buffer, Module, Parameter, evaluation_mode
from .pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from .sparse import SparseConv2d, prune

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm2d", "Branches", "Buffer", "Conv2d", "ConvBNReLU", "CrossEntropyLoss", "Dropout",
    "evaluation_mode", "Flatten", "GlobalAvgPool2d", "Identity", "Inception", "LeakyReLU", "Linear", "MaxPool2d", "Module", "ModuleList",
    "NaiveInception", "Parameter", "prune", "ReLU", "Sequential", "Softmax", "SparseConv2d", "Tanh",
]
