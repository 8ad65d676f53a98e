"""Local response normalisation, of AlexNet and BVLC's GoogLeNet."""

import math
from collections.abc import Iterator

import numpy as np

from ..array_types import Array
from ..checks import check_array, check_int, check_real
from ..op import Op
from ..tensor import Tensor

BLOCK = 1 << 15  # values at a time, so that what lies between two steps stays in the cache: 2 to 3 times as fast


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
        with np.errstate(over="ignore", invalid="ignore"):  # infinite squares, without a warning as in C
            for part, to in _blocks(x, y):
                np.divide(part, self._power(self._denominators(part))[:, : part.shape[1]], out=to)
        return y

    def _denominators(self, x: Array) -> Array:
        """d of each value of the rows `x`, as of `_around`."""
        d = self._around(x * x)
        d *= x.dtype.type(self.alpha / self.size)
        d += x.dtype.type(self.k)
        return d

    def _around(self, a: Array) -> Array:
        """The sum of the `size` channels around each of the rows `a` [n, c], of those that exist: [n, c + size - 1], first c columns."""
        n, c, more = *a.shape, self.size - 1
        padded = np.zeros(n * (c + more) + more, a.dtype)  # zeros between the rows: then sums over channels are sums of whole arrays
        padded[: n * (c + more)].reshape(n, c + more)[:, self.size // 2 : self.size // 2 + c] = a
        total = padded[: n * (c + more)].copy()
        for step in range(1, self.size):
            total += padded[step : step + len(total)]
        return total.reshape(n, c + more)

    def _power(self, d: Array) -> Array:
        """d^beta."""
        if self.beta != 0.75:
            return np.asarray(d ** d.dtype.type(self.beta))
        root = np.sqrt(d)  # d^(3/4) = d^(1/2) * d^(1/4), three times as fast as a power
        quarter = np.sqrt(root)
        quarter *= root
        return np.asarray(quarter)

    def backward(self, dy: Array) -> tuple[Array]:
        """dx = dy / d^beta - 2 alpha beta / size * x * (the sum around it of dy * x / d^(beta + 1))."""
        dx, factor = np.empty(dy.shape, dy.dtype), dy.dtype.type(2 * self.alpha * self.beta / self.size)
        for x, sent, to in _blocks(self.x, dy, dx):
            c, d = x.shape[1], self._denominators(x)
            scaled = sent / self._power(d)[:, :c]
            np.subtract(scaled, factor * x * self._around(scaled * x / d[:, :c])[:, :c], out=to)
        return (dx,)


def _blocks(*arrays: Array) -> Iterator[list[Array]]:
    """Arrays of one shape [..., c] as rows [n, c], a few at a time; the last is written to."""
    rows = [a.reshape(math.prod(a.shape[:-1]), a.shape[-1]) for a in arrays]
    step = max(BLOCK // max(rows[0].shape[1], 1), 1)
    for start in range(0, len(rows[0]), step):
        yield [a[start : start + step] for a in rows]


def lrn(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each value of `x` [..., c] divided by (k + alpha / size * the sum of squares over the `size` channels around it) ^ beta.

    The formula of Caffe, ONNX and PyTorch; that of the paper has alpha for their alpha / size. `size` is odd."""
    return LRN(size, alpha, beta, k)(x)
