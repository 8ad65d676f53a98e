"""The gradients of a convolution (chapter 5)."""

import numpy as np

from ...array_types import Array
from ...kernels import reference
from ..exercise import Case, Exercise

Gradients = tuple[Array, Array, Array]


def convolution_gradients(x: Array, w: Array, dy: Array) -> Gradients:
    """The three gradients of y = convolution of x [n, height, width, cin] with w [kh, kw, cin, cout] plus b [cout].

    No padding, stride 1. dy [n, out_height, out_width, cout] is the gradient of y.
    Returns dx, dw and db, with the shapes of x, w and b. (w and b are the same for all images.)"""
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    height, width = dy.shape[1:3]
    for row, column in np.ndindex(w.shape[:2]):
        seen = x[:, row : row + height, column : column + width]  # the pixels that meet the weight w[row, column]
        dw[row, column] = np.tensordot(seen, dy, axes=((0, 1, 2), (0, 1, 2)))
        dx[:, row : row + height, column : column + width] += dy @ w[row, column].T
    return dx, dw, dy.sum(axis=(0, 1, 2))


def _expected(x: Array, w: Array, dy: Array) -> Gradients:
    return reference.conv2d_input(x.shape, w, dy), reference.conv2d_weight(x, w.shape, dy), reference.conv2d_bias(dy)


def _case(about: str, shape: tuple[int, ...], window: tuple[int, ...]) -> Case:
    rng = np.random.default_rng(len(about))
    out = (shape[0], shape[1] - window[0] + 1, shape[2] - window[1] + 1, window[3])
    return Case(about, {name: rng.integers(-9, 10, size).astype(np.float32) for name, size in (("x", shape), ("w", window), ("dy", out))})


def _first_image(x: Array, w: Array, dy: Array) -> Gradients:
    dx, _, _ = convolution_gradients(x, w, dy)
    return dx, *convolution_gradients(x[:1], w, dy[:1])[1:]


def _mean(x: Array, w: Array, dy: Array) -> Gradients:
    dx, dw, db = convolution_gradients(x, w, dy)
    return dx, dw / len(x), db / len(x)


def _last_place(x: Array, w: Array, dy: Array) -> Gradients:
    """dx[window] = ... in place of +=, window by window."""
    _, dw, db = convolution_gradients(x, w, dy)
    dx = np.zeros(x.shape)
    for image, row, column in np.ndindex(dy.shape[:3]):
        dx[image, row : row + len(w), column : column + w.shape[1]] = w @ dy[image, row, column]
    return dx, dw, db


def _unchanged(x: Array, w: Array, dy: Array) -> Gradients:
    """dx with the weights as in the forward pass."""
    _, dw, db = convolution_gradients(x, w, dy)
    return convolution_gradients(x, w[::-1, ::-1], dy)[0], dw, db


def _one_pixel(x: Array, w: Array, dy: Array) -> Gradients:
    dx, dw, _ = convolution_gradients(x, w, dy)
    return dx, dw, dy.mean(axis=(0, 1, 2))


def _by_image(x: Array, w: Array, dy: Array) -> Gradients:
    dx, dw, _ = convolution_gradients(x, w, dy)
    return dx, dw, dy.sum(axis=(1, 2))


EXERCISE = Exercise(
    convolution_gradients, _expected, title="the gradients of a convolution", chapter=5, results=("dx", "dw", "db"),
    cases=(
        _case("one row of 4 pixels, a window of 1x2", (1, 1, 4, 1), (1, 2, 1, 1)),
        _case("a map of 4x5, a window of 3x2", (1, 4, 5, 1), (3, 2, 1, 1)),
        _case("2 channels in, 3 out", (1, 4, 4, 2), (3, 3, 2, 3)),
        _case("3 images", (3, 4, 5, 2), (3, 3, 2, 3)),
    ),
    mistakes={
        "dw and db are those of the first image only: the gradient is summed over the batch.": _first_image,
        "dw and db are not summed over the batch but averaged. The mean is in the loss already, so it is in dy.": _mean,
        "db is not summed over the batch: it has a row for each image.": _by_image,
        "db is averaged over the pixels, expected the sum: a bias is added to every pixel, so each passes its gradient on.": _one_pixel,
        "dx is overwritten where windows overlap: a pixel under several windows gets the sum of their gradients (+=).": _last_place,
        "dx uses the weights in the order of the forward pass. Backward they are mirrored: pixel p met w[k] at place p - k.": _unchanged,
        "dw and dx are exchanged: the first result is the gradient of x.":
            lambda x, w, dy: (convolution_gradients(x, w, dy)[1], convolution_gradients(x, w, dy)[0], dy.sum(axis=(0, 1, 2))),
    },
    hints=(
        "Write down the innermost line of the forward pass: y[i, j, o] += x[i + ky, j + kx, c] * w[ky, kx, c, o]. What multiplies w?",
        "In the same loops: dw[ky, kx, c, o] += x[i + ky, j + kx, c] * dy[i, j, o], and the same for dx[i + ky, j + kx, c] with w.",
        "w and b are used by all images and at all places, so their gradients are sums over axes 0, 1 and 2 of dy.",
    ),
)  # fmt: skip
