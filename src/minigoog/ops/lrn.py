"""Local response normalisation, of AlexNet and BVLC's GoogLeNet."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .. import kernels
from ..array_types import Array
from ..checks import check_array, check_int, check_real
from ..op import Op
from ..tensor import Tensor

BLOCK = 1 << 16  # values at a time, so that what lies between two steps stays in the cache: 2 to 3 times as fast
Rows: TypeAlias = Array  # [n, c]


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
        _in_blocks(self._forward, self.size, x, y)
        return y

    def _forward(self, around: "Around", x: Rows, y: Rows) -> None:
        np.divide(x, self._power(self._denominators(around, x))[:, : x.shape[1]], out=y)

    def _denominators(self, around: "Around", x: Rows) -> Rows:
        """d of each value of `x`, as of Around."""
        d = around(x, x)
        d *= x.dtype.type(self.alpha / self.size)
        d += x.dtype.type(self.k)
        return d

    def _power(self, d: Rows) -> Rows:
        """d^beta."""
        if self.beta != 0.75:
            return np.asarray(d ** d.dtype.type(self.beta))
        root = np.sqrt(d)  # d^(3/4) = d^(1/2) * d^(1/4), three times as fast as a power
        quarter = np.sqrt(root)
        quarter *= root
        return np.asarray(quarter)

    def backward(self, dy: Array) -> tuple[Array]:
        """dx = dy / d^beta - 2 alpha beta / size * x * (the sum around it of x * dy / d^beta / d)."""
        dx = np.empty(dy.shape, dy.dtype)
        _in_blocks(self._backward, self.size, self.x, dy, dx)
        return (dx,)

    def _backward(self, around: "Around", x: Rows, dy: Rows, dx: Rows) -> None:
        c, d = x.shape[1], self._denominators(around, x)
        np.divide(dy, self._power(d)[:, :c], out=dx)
        np.divide(dx, d[:, :c], out=d[:, :c])
        through_sums = around(x, d[:, :c])[:, :c]
        through_sums *= x
        through_sums *= x.dtype.type(2 * self.alpha * self.beta / self.size)
        dx -= through_sums


class Around:
    """The sum of a * b over the `size` channels around each, of those that exist, of up to `n` rows of `c` channels.

    Returns [rows, c + size - 1], of which the first c columns count. There are zeros between the rows: then sums over channels are sums
    of long arrays, each shifted against the other."""

    def __init__(self, n: int, c: int, size: int, dtype: np.dtype[Any]) -> None:
        self.size, self.width = size, c + size - 1
        self.products = np.zeros(n * self.width + size - 1, dtype)
        self.inside = self.products[: n * self.width].reshape(n, self.width)[:, size // 2 : size // 2 + c]

    def __call__(self, a: Rows, b: Rows) -> Rows:
        np.multiply(a, b, out=self.inside[: len(a)])
        sums = _sums(self.products[: len(a) * self.width + self.size - 1], self.size)
        return sums.reshape(len(a), self.width)


def _sums(a: Array, size: int) -> Array:
    """The sums of `size` successive values, an odd number: [len(a) - size + 1]. It adds sums of 1, 2, 4, ... of them."""
    total, width, covered = a, 1, 1
    while covered < size:
        a = a[:-width] + a[width:]
        width *= 2
        if size & width:
            total = total[: len(a) - covered] + a[covered:]
            covered += width
    return total


def _in_blocks(compute: Callable[..., None], size: int, *arrays: Array) -> None:
    """Calls compute(around, *rows) on a few rows of `arrays` [..., c] at a time, with as many threads as the kernels use."""
    rows = [a.reshape(math.prod(a.shape[:-1]), a.shape[-1]) for a in arrays]
    n, c = rows[0].shape
    step = max(BLOCK // max(c, 1), 1)
    threads = min(kernels.get_num_threads(), -(-n // step))

    def part(number: int) -> None:
        start, stop = n * number // threads, n * (number + 1) // threads
        around = Around(min(step, stop - start), c, size, rows[0].dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite squares, without a warning as in C
            for at in range(start, stop, step):
                compute(around, *(a[at : min(at + step, stop)] for a in rows))

    if threads < 2:
        return part(0) if threads else None
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(threads)))
    return None


def lrn(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each value of `x` [..., c] divided by (k + alpha / size * the sum of squares over the `size` channels around it) ^ beta.

    The formula of Caffe, ONNX and PyTorch; that of the paper has alpha for their alpha / size. `size` is odd."""
    return LRN(size, alpha, beta, k)(x)
