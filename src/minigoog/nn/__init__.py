"""Modules: parameters and the operations that use them."""

from .activation import (
    ELU,
    GELU,
    Flatten,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from .batch_norm import BatchNorm2d, ConvBNReLU
from .containers import Branches, ModuleList, Sequential
from .conv import Conv2d
from .conv_transpose import ConvTranspose2d
from .dropout import Dropout
from .gabor import GaborBank, GaborPool
from .inception import Inception, NaiveInception
from .layer_sensitivity import sensitivity
from .linear import Linear
from .loss import CrossEntropyLoss
from .module import Buffer, Module, Parameter, evaluation_mode
from .pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from .pruning import masks, prune
from .sparse import SparseConv2d
from .upsample import ChannelShuffle, Upsample

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm2d", "Branches", "Buffer", "ChannelShuffle", "Conv2d", "ConvBNReLU",
    "ConvTranspose2d", "CrossEntropyLoss", "Dropout", "ELU", "evaluation_mode", "Flatten", "GaborBank", "GaborPool",
    "GELU", "GlobalAvgPool2d", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "Inception", "LeakyReLU", "Linear",
    "LogSoftmax", "masks", "MaxPool2d", "Module", "ModuleList", "NaiveInception", "Parameter", "PReLU", "prune", "ReLU",
    "ReLU6", "sensitivity", "Sequential", "Sigmoid", "SiLU", "Softmax", "SparseConv2d", "Tanh", "Upsample",
]
