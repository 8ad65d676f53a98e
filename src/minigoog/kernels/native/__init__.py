"""The kernels in C (csrc/), each behind a function that checks its arguments, finds its buffers and makes one call.

Names and signatures are those of `kernels.reference`. They compute in float32; results do not depend on the number of threads.
"""

import os

# Threads that spin while they wait compete with those of BLAS; threads that sleep at once wake up too slowly for small layers
# (30 us each). So they spin for about the time between two kernels, then sleep. This must be set before OpenMP is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

from ...locks import after_fork  # noqa: E402
from . import (  # noqa: E402, F401
    arena,
    bf16_training,
    bounds,
    by_image,
    constants,
    crowding,
    described,
    int8,
    machine,
    narrow,
    plan,
    plan_bf16,
    plan_int8,
    plan_narrow,
    plan_sparse,
    program,
    strips,
    words,
    workspace,
)
from .activation import (  # noqa: E402
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
from .batch_norm import batch_norm, batch_norm_backward  # noqa: E402
from .conv import conv2d, conv2d_bias, conv2d_input, conv2d_weight  # noqa: E402
from .cooccurrence import cooccurrences  # noqa: E402
from .dropout import dropout  # noqa: E402
from .linear import linear, linear_input, linear_weight  # noqa: E402
from .optim import average_step, sgd_step  # noqa: E402
from .pool import (  # noqa: E402
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from .regions import graph_segments, region_hierarchy, region_histograms  # noqa: E402
from .softmax import cross_entropy, cross_entropy_backward, softmax, softmax_backward  # noqa: E402
from .sparse import sparse_conv2d, sparse_conv2d_input, sparse_conv2d_weight  # noqa: E402
from .workspace import empty  # noqa: E402

__all__ = [  # the kernels; `arena`, `machine`, `plan`, `plan_sparse` and `workspace` are for callers that need the C kernels
    "add", "average_step", "avg_pool2d", "avg_pool2d_backward", "batch_norm", "batch_norm_backward", "clip", "clip_backward", "conv2d",
    "conv2d_bias", "conv2d_input", "conv2d_weight", "cooccurrences", "cross_entropy", "cross_entropy_backward", "dropout", "elu",
    "elu_backward", "empty", "global_avg_pool2d", "global_avg_pool2d_backward", "graph_segments", "hard_sigmoid",
    "hard_sigmoid_backward", "hard_swish", "hard_swish_backward", "leaky_relu", "leaky_relu_backward", "linear", "linear_input",
    "linear_weight", "max_pool2d", "max_pool2d_backward", "region_hierarchy", "region_histograms", "relu", "relu_backward",
    "relu_bias_backward", "sgd_step", "sigmoid", "sigmoid_backward", "silu", "silu_backward", "softmax", "softmax_backward",
    "sparse_conv2d", "sparse_conv2d_input", "sparse_conv2d_weight", "tanh", "tanh_backward",
]

if "MINIGOOG_ISA" in os.environ:
    machine.set_isa(os.environ["MINIGOOG_ISA"])

after_fork(machine.stay_alone)
