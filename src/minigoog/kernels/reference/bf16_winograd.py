"""3x3 convolution of bf16 by F(2x2, 3x3): 2 x 2 outputs from 4 x 4 inputs with 16 products of bf16 instead of 36.

Pixels are transformed in float32 and rounded to bf16 once, weights in float64 and rounded once. The products of each of the 16 positions
add up over the channels in the order of bf16_conv2d, from 0; their sums are transformed in float32, then comes the bias."""

import numpy as np

from ...array_types import Array, Padding
from ...checks import check_array
from ..shapes import ConvShape, conv_shape
from .bf16 import INFINITE, Halves, add_products, from_bf16, to_bf16
from .bf16_rounding import to_bf16_by_channels
from .int8 import Limits
from .int8_rounding import Feedback

SIDE, SIZE = 2, 4  # of the squares of outputs and of inputs
MEAN = (1, 1)  # the position to which a constant map contributes, and no other
WEIGHTS = np.array([[-1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def check_bf16_winograd(x: Halves, w: Array, b: Array | None, padding: Padding, limits: Limits) -> ConvShape:
    """The shape of the convolution; raises unless its arguments suit each other."""
    where = "bf16_conv2d_winograd"
    check_array(where, "x", x, dtype=np.uint16)
    check_array(where, "w", w, dtype=np.float32)
    s = conv_shape(where, x.shape, w.shape, 1, padding)
    if w.shape[:2] != (3, 3):
        raise ValueError(f"{where}: `w` is a window of {w.shape[0]}x{w.shape[1]}, expected 3x3")
    if b is not None:
        check_array(where, "b", b, dtype=np.float32, shape=(s.cout,))
    if not limits[0] <= limits[1]:
        raise ValueError(f"{where}: `limits` are {limits}, expected the lower one first")
    return s


def winograd_weights(w: Array, by: Feedback | None = None) -> Halves:
    """The transformed weights [4, 4, cin, cout] in bf16 of `w` [3, 3, cin, cout]; by: how those of MEAN make up for each other."""
    whole = np.einsum("iu,jv,uvco->ijco", WEIGHTS, WEIGHTS, w.astype(np.float64))
    u = to_bf16(whole.astype(np.float32))
    u[MEAN] = to_bf16_by_channels(whole[MEAN].astype(np.float32), by)
    return u


def bf16_conv2d_winograd(x: Halves, w: Array, b: Array | None = None, *, padding: Padding = 0, limits: Limits = INFINITE) -> Halves:
    """`x` [n, h, w, cin] in bf16 convolved with `w` [3, 3, cin, cout] in float32, plus `b`, within `limits`: in bf16."""
    s = check_bf16_winograd(x, w, b, padding, limits)
    with np.errstate(over="ignore", invalid="ignore"):
        v = from_bf16(to_bf16(_inputs(_squares(from_bf16(x), s))))
        u = from_bf16(winograd_weights(w))
        m = np.zeros((SIZE, SIZE, *v.shape[2:-1], s.cout), np.float32)
        for i, j in np.ndindex(SIZE, SIZE):
            add_products(v[i, j][..., None, None], u[i, j][None, None], m[i, j])
        y = _outputs(m)
        y = y if b is None else y + b
        whole = y.transpose(2, 3, 0, 4, 1, 5).reshape(s.n, SIDE * y.shape[3], SIDE * y.shape[4], s.cout)
        return to_bf16(np.clip(whole[:, : s.out_h, : s.out_w], np.float32(limits[0]), np.float32(limits[1])))


def _squares(x: Array, s: ConvShape) -> Array:
    """[4, 4, n, down, across, cin]: the pixels under each square of outputs, zeros beyond the map."""
    (top, left), (n, h, w, c) = s.padding[:2], x.shape
    down, across = -(-s.out_h // SIDE), -(-s.out_w // SIDE)
    canvas = np.zeros((n, max(SIDE * down + 2, top + h), max(SIDE * across + 2, left + w), c), np.float32)
    canvas[:, top : top + h, left : left + w] = x
    parts = [
        [canvas[:, i : i + SIDE * down : SIDE, j : j + SIDE * across : SIDE] for j in range(SIZE)] for i in range(SIZE)
    ]  # fmt: skip
    return np.array(parts, np.float32).reshape(SIZE, SIZE, n, down, across, c)


def _inputs(d: Array) -> Array:
    """Both axes of d [4, 4, ...] transformed, one after the other."""
    for _ in range(2):
        d = np.stack([d[2] - d[0], d[2] + d[1], d[2] - d[1], d[3] - d[1]]).swapaxes(0, 1)
    return d


def _outputs(m: Array) -> Array:
    """[2, 2, ...] of m [4, 4, ...]."""
    for _ in range(2):
        m = np.stack([m[0] + (m[1] + m[2]), (m[1] - m[2]) + m[3]]).swapaxes(0, 1)
    return m
