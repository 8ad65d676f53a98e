"""Operations on tensors: one per file, forward next to backward. This file lists them and sets Tensor's operators."""

from ..tensor import OPERATORS
from .activation import clip, elu, hard_sigmoid, hard_swish, sigmoid, silu
from .adaptive_pool import adaptive_avg_pool2d
from .arithmetic import add, div, mean, mul, neg, power, sub, sum
from .batch_norm import batch_norm
from .channel_affine import channel_affine
from .concat import channel_slices, concat
from .connect import connect
from .conv import conv2d
from .conv_transpose import conv_transpose2d
from .dropout import dropout
from .gelu import gelu
from .index import index
from .linear import linear
from .lrn import lrn
from .pad import pad
from .pool import avg_pool2d, global_avg_pool2d, max_pool2d
from .prelu import prelu
from .rbf import squared_distance
from .relu import leaky_relu, relu, tanh
from .reshape import flatten, reshape
from .resize import resize
from .softmax import cross_entropy, log_softmax, softmax
from .sparse_conv import sparse_conv2d
from .transpose import channel_shuffle, transpose

__all__ = [
    "adaptive_avg_pool2d", "add", "avg_pool2d", "batch_norm", "channel_affine", "channel_shuffle", "channel_slices", "clip",
    "concat", "connect", "conv2d", "conv_transpose2d", "cross_entropy", "div", "dropout", "elu", "flatten", "gelu",
    "global_avg_pool2d", "hard_sigmoid", "hard_swish", "index", "leaky_relu", "linear", "log_softmax", "lrn", "max_pool2d", "mean",
    "mul", "neg", "pad", "power", "prelu", "relu", "reshape", "resize", "sigmoid", "silu", "softmax", "sparse_conv2d",
    "squared_distance", "sub", "sum", "tanh", "transpose",
]

OPERATORS.update(
    add=add, sub=sub, mul=mul, div=div, power=power, neg=neg, linear=linear, index=index, sum=sum, mean=mean, reshape=reshape,
    flatten=flatten,
)
