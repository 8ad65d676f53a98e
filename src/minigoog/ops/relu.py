"""Activations: ReLU, leaky ReLU, and the scaled tanh of LeNet-5."""

from .. import kernels
from ..array_types import Array, BoolArray
from ..checks import check_real
from ..op import Op
from ..tensor import Tensor


class ReLU(Op):
    """y = max(0, x)."""

    new_gradients = overwrites = True

    def __init__(self, out: Array | None = None):
        self.out = out

    def forward(self, x: Array) -> Array:
        self.y = kernels.relu(x, out=self.out)
        return self.y

    def backward(self, dy: Array, overwrite: bool = False) -> tuple[Array]:
        return (kernels.relu_backward(self.y, dy, out=dy if overwrite else None),)

    def active_set(self) -> BoolArray:
        active: BoolArray = self.y > 0
        return active


class LeakyReLU(Op):
    """y = x where x > 0, else negative_slope * x. (Maas, Hannun, Ng 2013)"""

    def __init__(self, negative_slope: float = 0.01, out: Array | None = None):
        self.negative_slope, self.out = check_real("leaky_relu", "negative_slope", negative_slope), out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.leaky_relu(x, self.negative_slope, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.leaky_relu_backward(self.x, dy, self.negative_slope),)

    def active_set(self) -> BoolArray:
        active: BoolArray = self.x > 0
        return active


class Tanh(Op):
    """y = gain * tanh(slope * x)."""

    def __init__(self, gain: float = 1.0, slope: float = 1.0):
        self.gain, self.slope = gain, slope

    def forward(self, x: Array) -> Array:
        self.y = kernels.tanh(x, self.gain, self.slope)
        return self.y

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.tanh_backward(self.y, dy, self.gain, self.slope),)


def relu(x: Tensor, *, out: Array | None = None) -> Tensor:
    """max(0, x), element by element. `out`: an array to write to, which may be that of `x` (in place)."""
    return ReLU(out)(x)


def leaky_relu(x: Tensor, negative_slope: float = 0.01, *, out: Array | None = None) -> Tensor:
    """`x` where it is above 0, else negative_slope * x. `out`: an array to write to, which does not overlap that of `x`."""
    return LeakyReLU(negative_slope, out)(x)


def tanh(x: Tensor, *, gain: float = 1.0, slope: float = 1.0) -> Tensor:
    """gain * tanh(slope * x), element by element."""
    return Tanh(gain, slope)(x)
