"""The gradient of max pooling (chapter 6)."""

from collections.abc import Callable

import numpy as np

from ...array_types import Array
from ...kernels import reference
from ..exercise import Case, Exercise


def max_pool_gradient(x: Array, dy: Array, size: int, stride: int) -> Array:
    """The gradient of max pooling with windows of size x size, `stride` apart, of the maps x [n, height, width, c].

    dy [n, out_height, out_width, c] is the gradient of the result. No padding, sizes rounded down. If the largest number is in a window
    more than once, the first of them counts, row by row.
    Returns dx, of the shape of x."""
    dx = np.zeros(x.shape)
    for image, row, column, c in np.ndindex(dy.shape):
        top, left = row * stride, column * stride
        window = x[image, top : top + size, left : left + size, c]
        y, z = np.unravel_index(window.argmax(), window.shape)
        dx[image, top + y, left + z, c] += dy[image, row, column, c]
    return dx


def _expected(x: Array, dy: Array, size: int, stride: int) -> Array:
    _, index = reference.max_pool2d(x, size, stride=stride)
    return reference.max_pool2d_backward(x.shape, index, dy, size, stride=stride)


def _case(about: str, shape: tuple[int, ...], size: int, stride: int, values: int = 0) -> Case:
    """values: how many different numbers x has, 0 for all different."""
    rng = np.random.default_rng(len(about))
    x = rng.permutation(np.prod(shape)).reshape(shape)
    dy = rng.integers(1, 10, (shape[0], (shape[1] - size) // stride + 1, (shape[2] - size) // stride + 1, shape[3]))
    x = x % values if values else x
    return Case(about, {"x": x.astype(np.float32), "dy": dy.astype(np.float32), "size": size, "stride": stride})


Share = Callable[[Array, float], Array]


def _shared(share: Share, add: bool = True) -> Callable[..., Array]:
    """A wrong answer: `share` says what the pixels of a window get; `add`: to what they have."""

    def wrong(x: Array, dy: Array, size: int, stride: int) -> Array:
        dx = np.zeros(x.shape)
        for image, row, column, c in np.ndindex(dy.shape):
            at = (image, slice(row * stride, row * stride + size), slice(column * stride, column * stride + size), c)
            gets = share(x[at], float(dy[image, row, column, c]))
            dx[at] = dx[at] + gets if add else np.where(gets != 0, gets, dx[at])
        return dx

    return wrong


def _winner(window: Array, dy: float) -> Array:
    won: Array = dy * (np.arange(window.size).reshape(window.shape) == window.argmax())
    return won


def _last_winner(window: Array, dy: float) -> Array:
    return _winner(window[::-1, ::-1], dy)[::-1, ::-1]


EXERCISE = Exercise(
    max_pool_gradient, _expected, title="the gradient of max pooling", chapter=6,
    cases=(
        _case("one image of 4x4, windows of 2x2 side by side", (1, 4, 4, 1), 2, 2),
        _case("2 channels", (1, 4, 6, 2), 2, 2),
        _case("two images", (2, 4, 4, 2), 2, 2),
        _case("windows of 3x3 that overlap", (1, 7, 7, 2), 3, 2),
        _case("a last row and column that no window sees", (1, 6, 5, 1), 2, 2),
        _case("equal numbers in a window", (1, 6, 6, 2), 3, 3, values=3),
        _case("overlapping windows of equal numbers, two images", (2, 6, 7, 3), 3, 1, values=4),
    ),
    mistakes={
        "Windows that overlap overwrite each other: a pixel that wins in several windows gets the sum of their gradients (+=).":
            _shared(_winner, add=False),
        "Of equal numbers in a window all get the gradient; the first one gets it.":
            _shared(lambda window, dy: dy * (window == window.max())),
        "Equal numbers in a window share the gradient; the first one gets all of it.":
            _shared(lambda window, dy: dy * (window == window.max()) / (window == window.max()).sum()),
        "Of equal numbers in a window the last one gets the gradient; the first one gets it.": _shared(_last_winner),
        "The whole window gets the gradient: only the largest number passed, a change of the others changes nothing.":
            _shared(lambda window, dy: np.full(window.shape, dy)),
        "The gradient is spread over the window, as in average pooling: the largest number gets all of it.":
            _shared(lambda window, dy: np.full(window.shape, dy / window.size)),
        "The winners get the largest number itself, expected its gradient from dy.":
            lambda x, dy, size, stride: max_pool_gradient(x, reference.max_pool2d(x, size, stride=stride)[0], size, stride),
        "The stride is taken to be the size of the window.":
            lambda x, dy, size, stride: max_pool_gradient(x, dy[:, : x.shape[1] // size, : x.shape[2] // size], size, size),
    },
    hints=(
        "A small change of the largest number of a window changes the result as much; a change of any other changes nothing.",
        "Loop over all numbers of dy. The window of dy[image, row, column, c] begins at [row * stride, column * stride].",
        "np.unravel_index(window.argmax(), window.shape) is the place of the first largest number. Add (+=) dy there.",
    ),
)  # fmt: skip
