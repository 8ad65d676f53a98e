"""How each operation is written in ONNX.

To write another operation, add a function to one of the files beside this one and put it into RULES under the operation's class. The
lookup is by exact class."""

from collections.abc import Callable
from typing import Any

from ..op import Op
from ..ops.adaptive_pool import AdaptiveAvgPool2d
from ..ops.arithmetic import Add, AddScalar, Multiply, Power, Scale
from ..ops.channel_affine import ChannelAffine
from ..ops.concat import Concat
from ..ops.conv import Conv2d
from ..ops.linear import Linear
from ..ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ..ops.rbf import SquaredDistance
from ..ops.relu import LeakyReLU, ReLU, Tanh
from ..ops.reshape import Reshape
from ..ops.softmax import Softmax
from ..ops.sparse_conv import SparseConv2d
from . import elementwise, layers, shapes
from .writer import Writer

RULES: dict[type[Op], Callable[[Writer, Any], None]] = {
    AdaptiveAvgPool2d: layers.adaptive_avg_pool2d,
    Add: elementwise.add,
    AddScalar: elementwise.add_scalar,
    AvgPool2d: layers.avg_pool2d,
    ChannelAffine: elementwise.channel_affine,
    Concat: shapes.concat,
    Conv2d: layers.conv2d,
    GlobalAvgPool2d: layers.global_avg_pool2d,
    LeakyReLU: elementwise.leaky_relu,
    Linear: layers.linear,
    MaxPool2d: layers.max_pool2d,
    Multiply: elementwise.multiply,
    Power: elementwise.power,
    ReLU: elementwise.relu,
    Reshape: shapes.reshape,
    Scale: elementwise.scale,
    Softmax: shapes.softmax,
    SparseConv2d: layers.sparse_conv2d,
    SquaredDistance: layers.squared_distance,
    Tanh: elementwise.tanh,
}
