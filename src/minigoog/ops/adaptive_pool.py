"""Average pooling to a given number of pixels, as in torchvision's auxiliary heads."""

import numpy as np

from .. import kernels
from ..array_types import Array, Pair
from ..checks import check_array, pair
from ..op import Op
from ..tensor import Tensor

Window = tuple[tuple[int, int], slice, slice]


class AdaptiveAvgPool2d(Op):
    """y[i, j] = the mean of rows floor(i h / output height) .. ceil((i + 1) h / output height) - 1 and columns likewise."""

    def __init__(self, output_size: Pair):
        self.output_size = pair("adaptive_avg_pool2d", "output_size", output_size, 1)

    def windows(self, h: int, w: int) -> list[Window]:
        """((i, j), rows, columns) of each window."""
        row_spans, column_spans = (
            [slice(i * n // size, -(-(i + 1) * n // size)) for i in range(size)] for n, size in zip((h, w), self.output_size, strict=True)
        )
        return [((i, j), rows, columns) for i, rows in enumerate(row_spans) for j, columns in enumerate(column_spans)]

    def forward(self, x: Array) -> Array:
        check_array("adaptive_avg_pool2d", "x", x, ndim=4)
        n, h, w, c = x.shape
        if min(h, w) < 1:
            raise ValueError(f"adaptive_avg_pool2d: `x` has no pixels {x.shape}")
        y = np.empty((n, *self.output_size, c), x.dtype)
        for (i, j), rows, columns in self.windows(h, w):
            y[:, i, j] = kernels.global_avg_pool2d(np.ascontiguousarray(x[:, rows, columns]))
        return y

    def backward(self, dy: Array) -> tuple[Array]:
        dx = np.zeros(self.inputs[0].shape)  # float64: where the output is larger than the input, a pixel is under many windows
        for (i, j), rows, columns in self.windows(*dx.shape[1:3]):
            window = dx[:, rows, columns]
            window += dy[:, i : i + 1, j : j + 1] / (window.shape[1] * window.shape[2])
        return (dx.astype(dy.dtype),)


def adaptive_avg_pool2d(x: Tensor, output_size: Pair) -> Tensor:
    """`x` [n, h, w, c] averaged to [n, *output_size, c], `output_size` (height, width) or one number for both.

    Windows overlap where the size of `x` is no multiple. (PyTorch's AdaptiveAvgPool2d)"""
    return AdaptiveAvgPool2d(output_size)(x)
