"""Layers without parameters that work on each value, or each image, separately."""

from .. import ops
from ..array_types import Array
from ..checks import check_int, check_real
from ..tensor import Tensor
from .module import Module


class ReLU(Module):
    """max(0, x)."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.relu(x, out=out)


class Tanh(Module):
    """gain * tanh(slope * x)."""

    def __init__(self, *, gain: float = 1.0, slope: float = 1.0) -> None:
        self.gain, self.slope = check_real("Tanh", "gain", gain), check_real("Tanh", "slope", slope)

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x, self.gain, self.slope)

    def settings(self) -> str:
        return f"gain={self.gain:g}, slope={self.slope:g}"


class Softmax(Module):
    """Probabilities [n, classes] from logits [n, classes]. `dim`: the axis that sums to 1, which can only be the last.

    Not for training: `CrossEntropyLoss` and `ops.cross_entropy` take logits."""

    def __init__(self, dim: int = -1) -> None:
        if check_int("Softmax", "dim", dim) not in (-1, 1):
            raise ValueError(f"Softmax: `dim` is {dim}, expected -1 or 1: the classes of logits [n, classes]")

    def forward(self, x: Tensor) -> Tensor:
        return ops.softmax(x)


class Identity(Module):
    """The input itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Flatten(Module):
    """[n, ...] to [n, everything else]: of a map in the order height, width, channels."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.flatten(x)
