"""Average pooling to a given number of pixels, as in torchvision's auxiliary heads."""

import numpy as np

from ..checks import check_array, check_int
from ..op import Op


class AdaptiveAvgPool2d(Op):
    """y[i, j] = the mean of rows floor(i h / size) .. ceil((i + 1) h / size) - 1 and columns likewise."""

    def __init__(self, size):
        self.size = check_int("adaptive_avg_pool2d", "size", size, 1)

    def windows(self, h, w):
        """((i, j), rows, columns) of each window."""
        spans = [[slice(i * n // self.size, -(-(i + 1) * n // self.size)) for i in range(self.size)] for n in (h, w)]
        return [((i, j), rows, columns) for i, rows in enumerate(spans[0]) for j, columns in enumerate(spans[1])]

    def forward(self, x):
        check_array("adaptive_avg_pool2d", "x", x, ndim=4)
        n, h, w, c = x.shape
        if min(h, w) < 1:
            raise ValueError(f"adaptive_avg_pool2d: `x` has no pixels {x.shape}")
        y = np.empty((n, self.size, self.size, c), x.dtype)
        for (i, j), rows, columns in self.windows(h, w):
            y[:, i, j] = x[:, rows, columns].mean(axis=(1, 2))
        return y

    def backward(self, dy):
        dx = np.zeros(self.inputs[0].shape, dy.dtype)
        for (i, j), rows, columns in self.windows(*dx.shape[1:3]):
            window = dx[:, rows, columns]
            window += dy[:, i : i + 1, j : j + 1] / dy.dtype.type(window.shape[1] * window.shape[2])
        return (dx,)


def adaptive_avg_pool2d(x, size):
    """`x` [n, h, w, c] averaged to [n, size, size, c]; windows overlap where `size` does not divide. (PyTorch's AdaptiveAvgPool2d)"""
    return AdaptiveAvgPool2d(size)(x)
