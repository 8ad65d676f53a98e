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


class LeakyReLU(Module):
    """x where it is above 0, else negative_slope * x. (Maas, Hannun, Ng 2013)"""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = check_real("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.leaky_relu(x, self.negative_slope, out=out)

    def settings(self) -> str:
        return f"negative_slope={self.negative_slope:g}"


class Tanh(Module):
    """gain * tanh(slope * x)."""

    def __init__(self, *, gain: float = 1.0, slope: float = 1.0) -> None:
        self.gain, self.slope = check_real("Tanh", "gain", gain), check_real("Tanh", "slope", slope)

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x, gain=self.gain, slope=self.slope)

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
    """[n, ...] to [n, everything else]: of a map in the order height, width, channels. The axes from `start_dim` on become one."""

    def __init__(self, start_dim: int = 1) -> None:
        self.start_dim = check_int("Flatten", "start_dim", start_dim, 0)

    def forward(self, x: Tensor) -> Tensor:
        return ops.flatten(x, self.start_dim)

    def settings(self) -> str:
        return f"start_dim={self.start_dim}" * (self.start_dim != 1)
