"""One step of a trace: an operation that ran, forward or backward, with all facts about it."""

import math
import re
from dataclasses import dataclass

import numpy as np

from ... import kernels
from ...kernels.shapes import conv_shape
from ...nn.module import Parameter
from ...op import Op
from ...text import shape_text
from ..explain.explanation import explain, explain_gradient_of
from .receptive_field import ReceptiveField

KERNELS = {  # operation: (kernel of its forward pass, kernel of the gradient of each input); all others are NumPy
    "Add": ("add", ()),
    "AvgPool2d": ("avg_pool2d", ("avg_pool2d_backward",)),
    "BatchNorm2d": ("batch_norm", ("batch_norm_backward",)),
    "Conv2d": ("conv2d", ("conv2d_input", "conv2d_weight", "conv2d_bias")),
    "CrossEntropy": ("cross_entropy", ("cross_entropy_backward",)),
    "Dropout": ("dropout", ("dropout",)),
    "GlobalAvgPool2d": ("global_avg_pool2d", ("global_avg_pool2d_backward",)),
    "Linear": ("linear", ("linear_input", "linear_weight", "conv2d_bias")),
    "MaxPool2d": ("max_pool2d", ("max_pool2d_backward",)),
    "ReLU": ("relu", ("relu_backward",)),
    "Softmax": ("softmax", ("softmax_backward",)),
    "SparseConv2d": ("sparse_conv2d", ("sparse_conv2d_input", "sparse_conv2d_weight", "conv2d_bias")),
    "Tanh": ("tanh", ("tanh_backward",)),
}


@dataclass(eq=False, repr=False)
class Step:
    """An operation of a Trace. Its arrays are those of the network, not copies.

    `inputs` and `output`; and if the trace has a backward pass, `dy`, the gradient that came to the output, and `dxs`, those that
    went on, one for each input (None where nobody wants it). The two steps of an operation, there and back, have the same arrays."""

    op: Op
    name: str
    index: int
    direction: str  # "forward" or "backward"
    ms: float
    receptive_field: ReceptiveField | None  # of the output, on the image
    dy: np.ndarray | None = None
    dxs: tuple | None = None

    def __post_init__(self):
        self.kernels = _kernels(self.op, self.direction == "backward")

    kernel = property(lambda self: ", ".join(kernel for kernel, _ in self.kernels), doc="The kernels that computed it.")
    algorithm = property(lambda self: ", ".join(filter(None, (a for _, a in self.kernels))), doc="Their algorithms, of a convolution.")
    operation = property(lambda self: self.op.name, doc="The kind of operation: Conv2d, MaxPool2d, ...")
    inputs = property(lambda self: [x.data for x in self.op.inputs], doc="The arrays that went in: x, weight, bias, ...")
    output = property(lambda self: self.op.y, doc="The array that came out.")
    input_shapes = property(lambda self: [x.shape for x in self.op.inputs], doc="Their shapes.")
    output_shape = property(lambda self: self.op.y.shape, doc="Its shape.")

    @property
    def parameters(self):
        """Values to learn among the inputs."""
        return sum(x.size for x in self.op.inputs if isinstance(x, Parameter))

    @property
    def multiply_adds(self):
        """Multiply-adds of a convolution or linear layer as it ran (0 for all others); backward, of the gradients that were wanted."""
        if self.operation not in ("Conv2d", "Linear"):
            return 0
        forward = math.prod(self.output_shape) * math.prod(self.input_shapes[1][:-1])
        return forward if self.direction == "forward" else forward * sum(self.op.needs_grad(i) for i in range(2))

    def explain(self, *index, image=0):
        """How one number of the output came about: explain(h, w, c) of a map, explain(c) of a vector; `image` in the batch.

        Returns an Explanation: patch, filter, products, sum, bias, ReLU, and beside what they add up to what is stored."""
        return explain(self, index, image)

    def explain_gradient(self, *index, of="input", image=0):
        """The same for one number of a gradient that went out: of the "input" at (h, w, c), "weight" (ky, kx, in, out) or "bias" (c)."""
        return explain_gradient_of(self, of, index, image)

    def cells(self):
        """Its line of a printed trace, in pieces."""
        shapes = (self._input_text(), "->" if self.direction == "forward" else "<-", shape_text(self.output_shape) or "()")
        computed_by = ", ".join(f"{kernel} {algorithm}".strip() for kernel, algorithm in self.kernels)
        if self.direction == "backward":
            computed_by = re.sub(r"(conv2d|linear)_", "", computed_by)
        counts = [f"{n:,}" if n else "" for n in (self.parameters, self.multiply_adds)]
        sees = str(self.receptive_field or "")
        return (str(self.index), self.name, self.operation, computed_by, " ".join(shapes), *counts, sees, f"{self.ms:.3f}")

    def _input_text(self):
        """The first input's shape; of a concatenation with the others' channels: 1x8x8x16+32+16+16."""
        first, *others = self.input_shapes
        return (shape_text(first) or "()") + "".join(f"+{shape[-1]}" for shape in others if self.operation == "Concat")

    def __repr__(self):
        return "  ".join(filter(None, self.cells()))


def _kernels(op, backward):
    """(kernel, algorithm) of what computed a step; of a backward step one for each gradient that was wanted."""
    forward, gradients = KERNELS.get(op.name, ("NumPy", ()))
    names = [kernel for i, kernel in enumerate(gradients[: len(op.inputs)]) if op.needs_grad(i)] if backward else [forward]
    return [(name, _algorithm(op, name)) for name in names or ["NumPy"]]


def _algorithm(op, kernel):
    """Which algorithm of a convolution's kernel runs; "" for all others, and on the NumPy kernels, which have one of each."""
    if op.name != "Conv2d" or kernel == "conv2d_bias" or kernels.backend != "native":
        return ""
    window = {name: value for name, value in op.window.items() if name != "algorithm"}
    shape = conv_shape(kernel, op.x.shape, op.w.shape, **window)
    algorithms = kernels.native.conv_algorithms
    chosen = algorithms.choose(kernel, op.window["algorithm"], shape)
    return next(name for name, algorithm in algorithms.ALGORITHMS.items() if algorithm is chosen)
