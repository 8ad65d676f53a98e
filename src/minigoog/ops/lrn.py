"""Local response normalisation, of AlexNet and BVLC's GoogLeNet."""

import math

import numpy as np

from ..array_types import Array
from ..checks import check_array, check_int, check_real
from ..op import Op
from ..tensor import Tensor

BLOCK = 1 << 14  # values at a time, so that what lies between two steps stays in the cache


class LRN(Op):
    """y = x / d^beta, d = k + alpha / size * the sum of x^2 over the `size` channels around each. (Krizhevsky et al. 2012, 3.3)"""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size = check_int("lrn", "size", size, 1)
        if self.size % 2 == 0:
            raise ValueError(f"lrn: `size` is {self.size}, expected an odd number: a channel and as many at each side")
        self.alpha, self.beta, self.k = (
            check_real("lrn", name, value) for name, value in (("alpha", alpha), ("beta", beta), ("k", k))
        )  # fmt: skip

    def forward(self, x: Array) -> Array:
        if check_array("lrn", "x", x).ndim < 1:
            raise ValueError(f"lrn: `x` has 0 axes {x.shape}, expected at least 1")
        self.x, y = x, np.empty(x.shape, x.dtype)
        rows, to = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), y.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        step = max(BLOCK // max(x.shape[-1], 1), 1)
        for i in range(0, len(rows), step):
            part = rows[i : i + step]
            np.divide(part, self._power(self.denominators(part)), out=to[i : i + step])
        return y

    def denominators(self, x: Array) -> Array:
        """d of each value: k + alpha / size * the sum of the squares around it."""
        d = self.around(x * x)
        d *= x.dtype.type(self.alpha / self.size)
        d += x.dtype.type(self.k)
        return d

    def around(self, a: Array) -> Array:
        """The sum of the `size` channels around each, of those that exist."""
        total = a.copy()
        for step in range(1, min(self.size // 2 + 1, a.shape[-1])):
            total[..., step:] += a[..., :-step]
            total[..., :-step] += a[..., step:]
        return total

    def _power(self, d: Array) -> Array:
        """d^beta."""
        if self.beta != 0.75:
            return np.asarray(d ** d.dtype.type(self.beta))
        root = np.sqrt(d)  # d^(3/4) = d^(1/2) * d^(1/4), three times as fast as a power
        return np.asarray(root * np.sqrt(root))

    def backward(self, dy: Array) -> tuple[Array]:
        """dx = dy / d^beta - 2 alpha beta / size * x * (the sum around it of dy * x / d^(beta + 1))."""
        d = self.denominators(self.x)
        scaled = dy / self._power(d)
        others = self.around(scaled * self.x / d)
        return (np.asarray(scaled - dy.dtype.type(2 * self.alpha * self.beta / self.size) * self.x * others),)


def lrn(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each value of `x` [..., c] divided by (k + alpha / size * the sum of squares over the `size` channels around it) ^ beta.

    The formula of Caffe, ONNX and PyTorch; that of the paper has alpha for their alpha / size. `size` is odd."""
    return LRN(size, alpha, beta, k)(x)
