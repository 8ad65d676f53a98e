"""Operations on tensors: one per file, forward next to backward. This file lists them and sets Tensor's operators."""

from ..tensor import OPERATORS
from .adaptive_pool import adaptive_avg_pool2d
from .arithmetic import add, div, mean, mul, neg, power, sub, sum
from .batch_norm import batch_norm
from .channel_affine import channel_affine
from .concat import channel_slices, concat
from .connect import connect
from .conv import conv2d
from .dropout import dropout
from .index import index
from .linear import linear
from .pool import avg_pool2d, global_avg_pool2d, max_pool2d
from .rbf import squared_distance
from .relu import leaky_relu, relu, tanh
from .reshape import flatten, reshape
from .softmax import cross_entropy, softmax
from .sparse_conv import sparse_conv2d

__all__ = [
    "adaptive_avg_pool2d", "add", "avg_pool2d", "batch_norm", "channel_affine", "channel_slices", "concat", "connect", "conv2d",
    "cross_entropy", "div", "dropout", "flatten", "global_avg_pool2d", "index", "leaky_relu", "linear", "max_pool2d", "mean", "mul",
    "neg", "power", "relu", "reshape", "softmax", "sparse_conv2d", "squared_distance", "sub", "sum", "tanh",
]

OPERATORS.update(
    add=add, sub=sub, mul=mul, div=div, power=power, neg=neg, linear=linear, index=index, sum=sum, mean=mean, reshape=reshape,
    flatten=flatten,
)
