"""PReLU: leaky ReLU with a learned slope for each channel."""

import numpy as np

from ..array_types import Array, BoolArray
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor
from .rows import as_rows, column_sums


class PReLU(Op):
    """y[..., c] = x where x > 0, else slope[c] * x. (He et al. 2015)"""

    def forward(self, x: Array, slope: Array) -> Array:
        if check_array("prelu", "x", x).ndim < 1:
            raise ValueError(f"prelu: `x` has 0 axes {x.shape}, expected at least 1")
        check_array("prelu", "slope", slope, dtype=x.dtype, shape=x.shape[-1:])
        self.x, self.slope = x, slope
        rows, slopes = as_rows(x, slope)
        y = np.minimum(rows, 0)
        y *= slopes
        y += np.maximum(rows, 0)
        return np.asarray(y.reshape(x.shape))

    def backward(self, dy: Array) -> tuple[Array | None, Array | None]:
        dx = np.where(self.x > 0, dy, dy * self.slope) if self.needs_grad(0) else None
        return dx, column_sums(dy * np.minimum(self.x, 0)) if self.needs_grad(1) else None

    def active_set(self) -> BoolArray:
        active: BoolArray = self.x > 0
        return active


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """`x` [..., c] where it is above 0, else `slope` [c] times it."""
    return PReLU()(x, slope)
