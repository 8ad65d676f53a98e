"""A convolution by loops (chapter 2)."""

import numpy as np

from ...array_types import Array
from ...kernels import reference
from ..exercise import Case, Exercise


def convolve(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The convolution of the maps x [n, height, width, cin] with the weights w [kh, kw, cin, cout], plus the bias b [cout].

    padding: rings of zeros around each map. stride: how far the window moves, down and to the right.
    Returns y [n, out_height, out_width, cout]."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    n, height, width, _ = x.shape
    kh, kw, _, cout = w.shape
    y = np.zeros((n, (height - kh) // stride + 1, (width - kw) // stride + 1, cout))
    for image, row, column, channel in np.ndindex(y.shape):
        top, left = row * stride, column * stride
        window = x[image, top : top + kh, left : left + kw]
        y[image, row, column, channel] = (window * w[:, :, :, channel]).sum() + b[channel]
    return y


def _expected(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    return reference.conv2d(x, w, b, stride=stride, padding=padding)


def _case(about: str, shape: tuple[int, ...], window: tuple[int, ...], stride: int = 1, padding: int = 0, bias: bool = False) -> Case:
    rng = np.random.default_rng(len(about))
    x, w = (rng.integers(-9, 10, size).astype(np.float32) for size in (shape, window))
    b = (rng.integers(1, 10, window[3]) * bool(bias)).astype(np.float32)
    return Case(about, {"x": x, "w": w, "b": b, "stride": stride, "padding": padding})


def _one_sided(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    return convolve(np.pad(x, ((0, 0), (2 * padding, 0), (2 * padding, 0), (0, 0))), w, b, stride, 0)


EXERCISE = Exercise(
    convolve, _expected, title="a convolution by loops", chapter=2,
    cases=(
        _case("one image of 4x4, one channel, a window of 3x3", (1, 4, 4, 1), (3, 3, 1, 1)),
        _case("a map of 4x6 and a window of 2x3", (1, 4, 6, 1), (2, 3, 1, 1)),
        _case("3 channels in, 2 out", (1, 4, 4, 3), (3, 3, 3, 2)),
        _case("a bias", (1, 4, 5, 2), (3, 3, 2, 3), bias=True),
        _case("two images", (2, 4, 5, 2), (3, 3, 2, 3), bias=True),
        _case("padding 1", (1, 5, 5, 1), (3, 3, 1, 2), padding=1, bias=True),
        _case("stride 2 and padding 2", (2, 7, 8, 2), (5, 5, 2, 3), stride=2, padding=2, bias=True),
    ),
    mistakes={
        "The weights are transposed: w[row, column] meets the pixel [column, row] of the window.":
            lambda x, w, b, stride, padding: convolve(x, w.transpose(1, 0, 2, 3), b, stride, padding),
        "The weights are mirrored: this is the convolution of mathematics. In a network, w[0, 0] meets the top left pixel.":
            lambda x, w, b, stride, padding: convolve(x, w[::-1, ::-1], b, stride, padding),
        "The padding is off by one: too little.":
            lambda x, w, b, stride, padding: convolve(x, w, b, stride, max(0, padding - 1)),
        "The padding is off by one: too much.": lambda x, w, b, stride, padding: convolve(x, w, b, stride, padding + 1),
        "The padding is missing.": lambda x, w, b, stride, padding: convolve(x, w, b, stride, 0),
        "All the padding is above and to the left, expected a ring on all four sides.": _one_sided,
        "The stride is missing: the window moves by one pixel.": lambda x, w, b, stride, padding: convolve(x, w, b, 1, padding),
        "The bias is missing.": lambda x, w, b, stride, padding: convolve(x, w, 0 * b, stride, padding),
        "The bias is added once for each number of the window, expected once for each output.":
            lambda x, w, b, stride, padding: convolve(x, w, b * w[..., 0].size, stride, padding),
        "Only input channel 0 counts: the sum runs over all input channels.":
            lambda x, w, b, stride, padding: convolve(x[..., :1], w[:, :, :1], b, stride, padding),
        "Only the first image is computed: the others are copies of it, or 0.":
            lambda x, w, b, stride, padding: convolve(np.concatenate([x[:1]] * len(x)), w, b, stride, padding),
        "The last window of each row and column is missing: (n - size) // stride + 1 windows fit.":
            lambda x, w, b, stride, padding: convolve(x, w, b, stride, padding)[:, :-1, :-1],
    },
    hints=(
        "Four loops give the place of one output number: image, row, column, output channel. np.ndindex(y.shape) is all in one.",
        "Pad x first (np.pad); from then on there is no padding. An output's window begins at [row * stride, column * stride].",
        "The window is x[image, top : top + kh, left : left + kw], of shape [kh, kw, cin], as is w[:, :, :, channel]: multiply, add up.",
    ),
)  # fmt: skip
