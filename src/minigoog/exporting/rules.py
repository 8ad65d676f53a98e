"""How each operation is written in ONNX.

To write another operation, add a function to one of the files beside this one and put it into RULES under the operation's class. The
lookup is by exact class."""

from collections.abc import Callable
from typing import Any

from ..op import Op
from ..ops.activation import ELU, Clip, HardSigmoid, HardSwish, Sigmoid, SiLU
from ..ops.adaptive_pool import AdaptiveAvgPool2d
from ..ops.arithmetic import Add, AddScalar, Multiply, Power, Scale
from ..ops.channel_affine import ChannelAffine
from ..ops.concat import Concat
from ..ops.conv import Conv2d
from ..ops.conv_transpose import ConvTranspose2d
from ..ops.gelu import GELU
from ..ops.index import Index
from ..ops.linear import Linear
from ..ops.lrn import LRN
from ..ops.pad import Pad
from ..ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ..ops.prelu import PReLU
from ..ops.rbf import SquaredDistance
from ..ops.relu import LeakyReLU, ReLU, Tanh
from ..ops.reshape import Reshape
from ..ops.resize import Resize
from ..ops.softmax import LogSoftmax, Softmax
from ..ops.sparse_conv import SparseConv2d
from ..ops.transpose import ChannelShuffle, Transpose
from . import elementwise, layers, maps, shapes
from .writer import Writer

RULES: dict[type[Op], Callable[[Writer, Any], None]] = {
    AdaptiveAvgPool2d: layers.adaptive_avg_pool2d,
    Add: elementwise.add,
    AddScalar: elementwise.add_scalar,
    AvgPool2d: layers.avg_pool2d,
    ChannelAffine: elementwise.channel_affine,
    ChannelShuffle: shapes.channel_shuffle,
    Clip: elementwise.clip,
    Concat: shapes.concat,
    Conv2d: layers.conv2d,
    ConvTranspose2d: layers.conv_transpose2d,
    ELU: elementwise.elu,
    GELU: elementwise.gelu,
    GlobalAvgPool2d: layers.global_avg_pool2d,
    HardSigmoid: elementwise.hard_sigmoid,
    HardSwish: elementwise.hard_swish,
    Index: shapes.index,
    LeakyReLU: elementwise.leaky_relu,
    Linear: layers.linear,
    LogSoftmax: shapes.log_softmax,
    LRN: maps.lrn,
    MaxPool2d: layers.max_pool2d,
    Multiply: elementwise.multiply,
    Pad: maps.pad,
    Power: elementwise.power,
    PReLU: elementwise.prelu,
    ReLU: elementwise.relu,
    Reshape: shapes.reshape,
    Resize: maps.resize,
    Scale: elementwise.scale,
    Sigmoid: elementwise.sigmoid,
    SiLU: elementwise.silu,
    Softmax: shapes.softmax,
    SparseConv2d: layers.sparse_conv2d,
    SquaredDistance: layers.squared_distance,
    Tanh: elementwise.tanh,
    Transpose: shapes.transpose,
}
