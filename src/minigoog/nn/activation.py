"""Layers that work on each value, or each image, separately."""

import numpy as np

from .. import ops
from ..array_types import Array
from ..checks import check_choice, check_int, check_real
from ..tensor import Tensor
from .module import Module, Parameter


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


class Hardtanh(Module):
    """min(max(x, min_val), max_val)."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = check_real("Hardtanh", "min_val", min_val), check_real("Hardtanh", "max_val", max_val)

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.clip(x, self.min_val, self.max_val, out=out)

    def settings(self) -> str:
        return f"{self.min_val:g}, {self.max_val:g}"


class ReLU6(Module):
    """min(max(0, x), 6)."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.clip(x, 0.0, 6.0, out=out)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.sigmoid(x, out=out)


class Hardsigmoid(Module):
    """min(max(x / 6 + 1/2, 0), 1)."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.hard_sigmoid(x, out=out)


class Hardswish(Module):
    """x * min(max(x + 3, 0), 6) / 6. (Howard et al. 2019)"""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.hard_swish(x, out=out)


class SiLU(Module):
    """x * sigmoid(x). (Elfwing et al. 2017)"""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.silu(x, out=out)


class ELU(Module):
    """x where it is above 0, else alpha * (exp(x) - 1). (Clevert et al. 2015)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_real("ELU", "alpha", alpha)

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        return ops.elu(x, self.alpha, out=out)

    def settings(self) -> str:
        return f"alpha={self.alpha:g}"


class GELU(Module):
    """Each value times the probability that a normal number is below it; `approximate`: "none" or "tanh". (Hendrycks and Gimpel 2016)"""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_choice("GELU", "approximate", approximate, ("none", "tanh"))

    def forward(self, x: Tensor) -> Tensor:
        return ops.gelu(x, self.approximate)

    def settings(self) -> str:
        return f"approximate={self.approximate!r}" * (self.approximate != "none")


class PReLU(Module):
    """x where it is above 0, else weight[c] * x, with a learned slope for each of `num_parameters` channels. (He et al. 2015)"""

    def __init__(self, num_parameters: int, init: float = 0.25) -> None:
        self.num_parameters = check_int("PReLU", "num_parameters", num_parameters, 1)
        self.weight = Parameter(np.full(self.num_parameters, check_real("PReLU", "init", init), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.prelu(x, self.weight)

    def settings(self) -> str:
        return str(self.num_parameters)


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


class LogSoftmax(Module):
    """The logarithms of the probabilities from logits [..., classes]. `dim`: the axis of the classes, which can only be the last."""

    def __init__(self, dim: int = -1) -> None:
        if check_int("LogSoftmax", "dim", dim) not in (-1, 1):
            raise ValueError(f"LogSoftmax: `dim` is {dim}, expected -1 or 1: the classes of logits [n, classes]")
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        if self.dim == 1 and x.ndim != 2:
            raise ValueError(f"LogSoftmax: `dim` is 1 and `x` has {x.ndim} axes {x.shape}, expected 2, or `dim` -1")
        return ops.log_softmax(x)


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
