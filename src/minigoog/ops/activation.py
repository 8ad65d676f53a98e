"""Activations of the networks after 2015: clipped and hard ones, and those with an exponential."""

import math

from .. import kernels
from ..array_types import Array, BoolArray, IntArray, Scalar
from ..checks import check_limit, check_real
from ..op import Op
from ..tensor import Tensor


class Clip(Op):
    """y = min(max(x, low), high). The gradient passes from `low` to `high`, both included."""

    def __init__(self, low: float = -math.inf, high: float = math.inf, out: Array | None = None):
        self.low, self.high, self.out = low, high, out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.clip(x, self.low, self.high, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.clip_backward(self.x, dy, self.low, self.high),)

    def active_set(self) -> IntArray:
        return _pieces(self.x, self.low, self.high)


class HardSigmoid(Op):
    """y = min(max(alpha * x + beta, 0), 1)."""

    def __init__(self, alpha: float = 1 / 6, beta: float = 0.5, out: Array | None = None):
        self.alpha, self.beta, self.out = alpha, beta, out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.hard_sigmoid(x, self.alpha, self.beta, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.hard_sigmoid_backward(self.x, dy, self.alpha, self.beta),)

    def active_set(self) -> IntArray:
        return _pieces(self.alpha * self.x + self.beta, 0, 1)


class HardSwish(Op):
    """y = x * min(max(x + 3, 0), 6) / 6. (Howard et al. 2019)"""

    def __init__(self, out: Array | None = None):
        self.out = out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.hard_swish(x, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.hard_swish_backward(self.x, dy),)

    def active_set(self) -> IntArray:
        return _pieces(self.x, -3, 3)


class Sigmoid(Op):
    """y = 1 / (1 + exp(-x))."""

    def __init__(self, out: Array | None = None):
        self.out = out

    def forward(self, x: Array) -> Array:
        self.y = kernels.sigmoid(x, out=self.out)
        return self.y

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.sigmoid_backward(self.y, dy),)


class SiLU(Op):
    """y = x * sigmoid(x). (Elfwing et al. 2017; Swish of Ramachandran et al. 2017)"""

    def __init__(self, out: Array | None = None):
        self.out = out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.silu(x, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.silu_backward(self.x, dy),)


class ELU(Op):
    """y = x where x > 0, else alpha * (exp(x) - 1). (Clevert et al. 2015)"""

    def __init__(self, alpha: float = 1.0, out: Array | None = None):
        self.alpha, self.out = alpha, out

    def forward(self, x: Array) -> Array:
        self.x = x
        return kernels.elu(x, self.alpha, out=self.out)

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.elu_backward(self.x, dy, self.alpha),)

    def active_set(self) -> BoolArray:
        active: BoolArray = self.x > 0
        return active


def _pieces(x: Array, low: float, high: float) -> IntArray:
    """0 where `x` is below `low`, 1 from there to `high`, 2 above."""
    pieces: IntArray = (x >= low).astype(int) + (x > high)
    return pieces


def clip(x: Tensor, low: Scalar | None = None, high: Scalar | None = None, *, out: Array | None = None) -> Tensor:
    """min(max(x, low), high), element by element; None: no limit. clip(x, 0, 6) is ReLU6.

    `out`, here and below: an array to write to, which does not overlap that of `x`."""
    low = -math.inf if low is None else check_limit("clip", "low", low)
    return Clip(low, math.inf if high is None else check_limit("clip", "high", high), out)(x)


def hard_sigmoid(x: Tensor, alpha: float = 1 / 6, beta: float = 0.5, *, out: Array | None = None) -> Tensor:
    """min(max(alpha * x + beta, 0), 1), element by element. `alpha` is PyTorch's; ONNX's default is 0.2."""
    return HardSigmoid(check_real("hard_sigmoid", "alpha", alpha), check_real("hard_sigmoid", "beta", beta), out)(x)


def hard_swish(x: Tensor, *, out: Array | None = None) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6, element by element."""
    return HardSwish(out)(x)


def sigmoid(x: Tensor, *, out: Array | None = None) -> Tensor:
    """1 / (1 + exp(-x)), element by element. `out` may be the array of `x`."""
    return Sigmoid(out)(x)


def silu(x: Tensor, *, out: Array | None = None) -> Tensor:
    """x * sigmoid(x), element by element."""
    return SiLU(out)(x)


def elu(x: Tensor, alpha: float = 1.0, *, out: Array | None = None) -> Tensor:
    """`x` where it is above 0, else alpha * (exp(x) - 1)."""
    return ELU(check_real("elu", "alpha", alpha), out)(x)
