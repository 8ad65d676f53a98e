"""The fully connected layer."""

from .. import kernels
from ..array_types import Array, BoolArray
from ..op import Op
from ..tensor import Tensor
from .rows import before_relu


class Linear(Op):
    """y = x w + b, and max(0, .) if `relu`. x [n, in], w [in, out], b [out]."""

    read_for = {"x": 1, "w": 0}
    new_gradients = overwrites = True

    def __init__(self, relu: bool = False):
        self.relu = relu

    def forward(self, x: Array, w: Array, b: Array | None = None) -> Array:
        self.x, self.w = x, w
        y = kernels.linear(x, w, b, relu=self.relu)
        if self.relu:
            self.y = y
        return y

    def backward(self, dy: Array, overwrite: bool = False) -> tuple[Array | None, ...]:
        dz, db = before_relu(self, dy, overwrite)
        dx = kernels.linear_input(self.w, dz) if self.needs_grad(0) else None
        dw = kernels.linear_weight(self.x, dz) if self.needs_grad(1) else None
        return (dx, dw, db)[: len(self.inputs)]

    def active_set(self) -> BoolArray | None:
        return self.y > 0 if self.relu else None


def linear(x: Tensor, w: Tensor, b: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """`x` [n, in] times `w` [in, out], plus `b` [out], then ReLU if `relu`."""
    return Linear(relu)(*((x, w) if b is None else (x, w, b)))
