"""Straightforward kernels in NumPy, in float32: sliding windows and one matrix product. The peer in kernels.py."""

import numpy as np
from layers import Conv, Map
from numpy.lib.stride_tricks import sliding_window_view

from minigoog.array_types import Array


def columns(layer: Conv, x: Array) -> Array:
    """The window under each output pixel as a row: [n * out_h * out_w, kh * kw * cin]."""
    p, s = layer.pad, layer.stride
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))) if p else x
    windows = sliding_window_view(padded, (layer.kh, layer.kw), axis=(1, 2))[:, ::s, ::s]  # n, out_h, out_w, cin, kh, kw
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, layer.kh * layer.kw * layer.cin)


def forward(layer: Conv, x: Array, w: Array, b: Array, dy: Array) -> Array:
    """relu(x * w + b)."""
    y = columns(layer, x) @ w.reshape(-1, layer.cout) + b
    return np.maximum(y, 0).reshape(dy.shape)


def input(layer: Conv, x: Array, w: Array, b: Array, dy: Array) -> Array:
    """The gradient of x: the share of each tap, added at its input pixel."""
    (out_h, out_w), p, s = layer.out, layer.pad, layer.stride
    dx = np.zeros((len(x), layer.h + 2 * p, layer.w + 2 * p, layer.cin), np.float32)
    for ky, kx in np.ndindex(layer.kh, layer.kw):
        dx[:, ky : ky + out_h * s : s, kx : kx + out_w * s : s] += dy @ w[ky, kx].T
    return dx[:, p : p + layer.h, p : p + layer.w]


def weight(layer: Conv, x: Array, w: Array, b: Array, dy: Array) -> Array:
    """The gradient of w."""
    return (columns(layer, x).T @ dy.reshape(-1, layer.cout)).reshape(w.shape)


def pool(layer: Map, x: Array) -> Array:
    """The largest or mean value of each window; windows may extend past the lower and right edge (ceil mode)."""
    (out_h, out_w), p, k, s = layer.out, layer.pad, layer.size, layer.stride
    ends = [(p, (out - 1) * s + k - size - p) for out, size in ((out_h, layer.h), (out_w, layer.w))]
    padded = np.pad(x, ((0, 0), *ends, (0, 0)), constant_values=-np.inf) if any(map(any, ends)) else x
    windows = sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    y: Array = windows.max((4, 5)) if layer.kernel == "max" else windows.mean((4, 5))
    return y


def relu(layer: Map, x: Array) -> Array:
    """max(0, x)."""
    return np.maximum(x, 0)


def softmax(layer: Map, x: Array) -> Array:
    """exp(x) / sum(exp(x)) of each row, the largest number subtracted first."""
    e = np.exp(x - x.max(1, keepdims=True))
    y: Array = e / e.sum(1, keepdims=True)
    return y


MAPS = {"max": pool, "average": pool, "relu": relu, "softmax": softmax}
