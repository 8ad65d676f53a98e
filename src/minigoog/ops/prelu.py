"""PReLU: leaky ReLU with a learned slope for each channel."""

import numpy as np

from .. import kernels
from ..array_types import Array, BoolArray
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor


class PReLU(Op):
    """y[..., c] = x where x > 0, else slope[c] * x. (He et al. 2015)"""

    def forward(self, x: Array, slope: Array) -> Array:
        if check_array("prelu", "x", x).ndim < 1:
            raise ValueError(f"prelu: `x` has 0 axes {x.shape}, expected at least 1")
        check_array("prelu", "slope", slope, dtype=x.dtype, shape=x.shape[-1:])
        self.x, self.slope = x, slope
        return np.where(x > 0, x, x * slope)

    def backward(self, dy: Array) -> tuple[Array, Array]:
        dx = np.where(self.x > 0, dy, dy * self.slope)
        return dx, kernels.conv2d_bias(np.where(self.x > 0, self.x.dtype.type(0), dy * self.x).reshape(-1, dy.shape[-1]))

    def active_set(self) -> BoolArray:
        active: BoolArray = self.x > 0
        return active


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """`x` [..., c] where it is above 0, else `slope` [c] times it."""
    return PReLU()(x, slope)
