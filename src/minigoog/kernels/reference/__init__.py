"""Every kernel in NumPy, for any float type: written like the formula, the reference for all others, and used without a compiler."""

from . import bf16_training  # noqa: F401
from .activation import (
    add,
    clip,
    clip_backward,
    elu,
    elu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    relu_bias_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    tanh,
    tanh_backward,
)
from .batch_norm import batch_norm, batch_norm_backward
from .conv import conv2d, conv2d_bias, conv2d_input, conv2d_weight
from .cooccurrence import cooccurrences
from .dropout import dropout
from .empty import empty
from .linear import linear, linear_input, linear_weight
from .optim import average_step, sgd_step
from .pool import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from .regions import graph_segments, region_hierarchy, region_histograms
from .softmax import cross_entropy, cross_entropy_backward, softmax, softmax_backward
from .sparse import sparse_conv2d, sparse_conv2d_input, sparse_conv2d_weight

__all__ = [
    "add", "average_step", "avg_pool2d", "avg_pool2d_backward", "batch_norm", "batch_norm_backward", "clip", "clip_backward", "conv2d",
    "conv2d_bias", "conv2d_input", "conv2d_weight", "cooccurrences", "cross_entropy", "cross_entropy_backward", "dropout", "elu",
    "elu_backward", "empty", "global_avg_pool2d", "global_avg_pool2d_backward", "graph_segments", "hard_sigmoid",
    "hard_sigmoid_backward", "hard_swish", "hard_swish_backward", "leaky_relu", "leaky_relu_backward", "linear", "linear_input",
    "linear_weight", "max_pool2d", "max_pool2d_backward", "region_hierarchy", "region_histograms", "relu", "relu_backward",
    "relu_bias_backward", "sgd_step", "sigmoid", "sigmoid_backward", "silu", "silu_backward", "softmax", "softmax_backward",
    "sparse_conv2d", "sparse_conv2d_input", "sparse_conv2d_weight", "tanh", "tanh_backward",
]
