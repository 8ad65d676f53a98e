"""Windows as the rows of a matrix (chapter 3)."""

from collections.abc import Callable

import numpy as np

from ...array_types import Array
from ...kernels import reference
from ..exercise import Case, Exercise


def im2col(x: Array, size: int, stride: int) -> Array:
    """The matrix whose product with weights [size * size * c, cout] is a convolution, from the maps x [n, height, width, c].

    Each row is one window of size x size pixels, in the order of memory: row by row, in each row pixel by pixel, in each pixel channel by
    channel. The windows follow in the same order: image by image, row by row, from left to right. No padding.
    Returns [n * out_height * out_width, size * size * c]."""
    n, height, width, _ = x.shape
    tops, lefts = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    return np.array([x[i, y : y + size, z : z + size].ravel() for i in range(n) for y in tops for z in lefts])


def _expected(x: Array, size: int, stride: int) -> Array:
    """By convolutions with filters that each take one number of the window."""
    filters = np.eye(size * size * x.shape[3], dtype=x.dtype).reshape(size, size, x.shape[3], -1)
    return reference.conv2d(x, filters, stride=stride).reshape(-1, filters.shape[3])


def _case(about: str, shape: tuple[int, ...], size: int, stride: int = 1) -> Case:
    return Case(about, {"x": np.arange(np.prod(shape), dtype=np.float32).reshape(shape), "size": size, "stride": stride})


def _windows(x: Array, size: int, stride: int) -> Array:
    """[n, out_h, out_w, size, size, c]"""
    rows = [len(range(0, n - size + 1, stride)) for n in x.shape[1:3]]
    return im2col(x, size, stride).reshape(len(x), *rows, size, size, x.shape[3])


def _ordered(*order: int) -> Callable[..., Array]:
    """A wrong answer: the axes of `_windows` in another order, then as a matrix."""
    return lambda x, size, stride: _windows(x, size, stride).transpose(order).reshape(-1, size * size * x.shape[3])


EXERCISE = Exercise(
    im2col, _expected, title="windows as the rows of a matrix", chapter=3,
    cases=(
        _case("one image of 3x3, one channel, windows of 2x2", (1, 3, 3, 1), 2),
        _case("a map of 4x5", (1, 4, 5, 1), 3),
        _case("2 channels", (1, 3, 4, 2), 2),
        _case("two images", (2, 3, 4, 2), 2),
        _case("stride 2", (2, 5, 7, 3), 3, 2),
        _case("stride 2 where the last column is left over", (1, 4, 6, 1), 3, 2),
    ),
    mistakes={
        "The matrix is transposed: here each window is a column, expected a row.": lambda x, size, stride: im2col(x, size, stride).T,
        "Each window is transposed: its numbers come column by column, expected row by row.": _ordered(0, 1, 2, 4, 3, 5),
        "In each row all numbers of channel 0 come first. NHWC: the channels of one pixel are neighbours.": _ordered(0, 1, 2, 5, 3, 4),
        "The windows follow from top to bottom, expected from left to right, then down.": _ordered(0, 2, 1, 3, 4, 5),
        "The images change fastest: the windows of image 0 come first, then those of image 1.": _ordered(1, 2, 0, 3, 4, 5),
        "The last window of each row and column is missing: range(n - size) ends too early, n - size + 1 windows fit.":
            lambda x, size, stride: im2col(x[:, : x.shape[1] - 1, : x.shape[2] - 1], size, stride),
        "The stride is missing: neighbouring windows are one pixel apart.": lambda x, size, stride: im2col(x, size, 1),
        "Only the first image is there.": lambda x, size, stride: im2col(x[:1], size, stride),
        "The windows do not overlap: they are `size` apart, expected `stride`.": lambda x, size, stride: im2col(x, size, size),
    },
    hints=(
        "How many windows fit into a row of n pixels? (n - size) // stride + 1. Each is one row of the matrix.",
        "One window is x[image, top : top + size, left : left + size]; .ravel() writes it in one line, in the order of memory.",
        "np.array([window.ravel() for image ... for top ... for left ...]): three loops, the image outermost.",
    ),
)  # fmt: skip
