"""One step of a trace: an operation that ran, forward or backward, and the facts about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...array_types import Array, Shape
from ...nn.module import Parameter
from ...op import Op
from ...text import shape_text
from ..explain.explanation import Explanation, explain, explain_gradient_of
from ..rules import rule_of
from .receptive_field import ReceptiveField


@dataclass(eq=False, repr=False)
class Step:
    """An operation of a Trace. Its arrays are those of the network, not copies.

    `inputs` and `output`; and if the trace has a backward pass, `dy`, the gradient of the output, and `dxs`, the gradients of the
    inputs (None where not requested). The forward and the backward step of an operation have the same arrays."""

    op: Op
    name: str
    index: int
    direction: str  # "forward" or "backward"
    ms: float
    receptive_field: ReceptiveField | None  # of the output, on the image
    dy: Array | None = None
    dxs: Sequence[Array | None] | None = None

    def __post_init__(self) -> None:
        self.kernels = _kernels(self.op, self.direction == "backward")

    @property
    def kernel(self) -> str:
        """The kernels that computed it."""
        return ", ".join(kernel for kernel, _ in self.kernels)

    @property
    def algorithm(self) -> str:
        """Their algorithms, for a convolution."""
        return ", ".join(algorithm for _, algorithm in self.kernels if algorithm)

    @property
    def operation(self) -> str:
        """The name of the operation's class: Conv2d, MaxPool2d, ..."""
        return self.op.name

    @property
    def inputs(self) -> list[Array]:
        """The input arrays: x, weight, bias, ..."""
        return [x.data for x in self.op.inputs]

    @property
    def output(self) -> Array:
        """The output array."""
        return self.op.y

    @property
    def input_shapes(self) -> list[Shape]:
        """The shapes of the inputs."""
        return [x.shape for x in self.op.inputs]

    @property
    def output_shape(self) -> Shape:
        """The shape of the output."""
        return self.output.shape

    @property
    def parameters(self) -> int:
        """The number of trained values among the inputs."""
        return sum(x.size for x in self.op.inputs if isinstance(x, Parameter))

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of a convolution or linear layer as it ran (0 for all others); backward, those of the requested gradients."""
        forward = rule_of(self.op).multiply_adds(self.op)
        if self.direction == "forward" or not forward:
            return forward
        return forward * sum(self.op.needs_grad(i) for i in range(2))

    def explain(self, *index: int, image: int = 0) -> Explanation:
        """How one number of the output was computed: explain(h, w, c) of a map, explain(c) of a vector; `image` in the batch.

        Returns an Explanation: patch, filter, products, sum, bias, ReLU, their result, and the stored number. An operation
        without a rule raises NotImplementedError (see `minigoog.inspection.rule_for`)."""
        return explain(self, index, image)

    def explain_gradient(self, *index: int, of: str | int = "input", image: int = 0) -> Explanation:
        """The same for one number of a gradient: of the "input" at (h, w, c), "weight" (ky, kx, in, out) or "bias" (c)."""
        return explain_gradient_of(self, of, index, image)

    def cells(self) -> tuple[str, ...]:
        """Its line of a printed trace, in pieces."""
        shapes = (self._input_text(), "->" if self.direction == "forward" else "<-", shape_text(self.output_shape) or "()")
        computed_by = ", ".join(f"{kernel} {algorithm}".strip() for kernel, algorithm in self.kernels)
        if self.direction == "backward":
            computed_by = re.sub(r"(conv2d|linear)_", "", computed_by)
        counts = [f"{n:,}" if n else "" for n in (self.parameters, self.multiply_adds)]
        sees = str(self.receptive_field or "")
        return (str(self.index), self.name, self.operation, computed_by, " ".join(shapes), *counts, sees, f"{self.ms:.3f}")

    def _input_text(self) -> str:
        """The first input's shape; for a concatenation with the other inputs' channels: 1x8x8x16+32+16+16."""
        first, *others = self.input_shapes
        return (shape_text(first) or "()") + "".join(f"+{shape[-1]}" for shape in others if rule_of(self.op).joins)

    def __repr__(self) -> str:
        return "  ".join(filter(None, self.cells()))


def _kernels(op: Op, backward: bool) -> list[tuple[str, str]]:
    """The (kernel, algorithm) pairs that computed a step; for a backward step one for each requested gradient."""
    rule = rule_of(op)
    gradients = [kernel for i, kernel in enumerate(rule.gradient_kernels[: len(op.inputs)]) if op.needs_grad(i)]
    names = (gradients or ["NumPy"]) if backward else [rule.kernel]
    return [(name, rule.algorithm(op, name)) for name in names]
