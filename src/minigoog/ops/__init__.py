"""Operations on tensors: each file one of them, forward beside backward. Here they are named, and Tensor gets its operators."""

from ..tensor import Tensor
from .adaptive_pool import adaptive_avg_pool2d
from .arithmetic import add, mul, neg, sub, sum
from .batch_norm import batch_norm
from .channel_affine import channel_affine
from .concat import channel_slices, concat
from .connect import connect
from .conv import conv2d
from .dropout import dropout
from .linear import linear
from .pool import avg_pool2d, global_avg_pool2d, max_pool2d
from .rbf import squared_distance
from .relu import relu, tanh
from .reshape import flatten, reshape
from .softmax import cross_entropy, softmax
from .sparse_conv import sparse_conv2d

__all__ = [
    "adaptive_avg_pool2d", "add", "avg_pool2d", "batch_norm", "channel_affine", "channel_slices", "concat", "connect", "conv2d",
    "cross_entropy", "dropout", "flatten", "global_avg_pool2d", "linear", "max_pool2d", "mul", "neg", "relu", "reshape",
    "softmax", "sparse_conv2d", "squared_distance", "sub", "sum", "tanh",
]

Tensor.__add__ = add
Tensor.__sub__ = sub
Tensor.__mul__ = Tensor.__rmul__ = mul
Tensor.__neg__ = neg
Tensor.sum = sum
Tensor.reshape = lambda self, *shape: reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
