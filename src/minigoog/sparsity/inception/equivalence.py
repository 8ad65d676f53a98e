"""One linear function in three forms: a 5x5 convolution full of zeros, its channels grouped by support, and the reduced Inception module.

A reduced branch without ReLU between its layers, R [cin, r] and then K [k, k, r, n], is the convolution W[y, x, c, o] =
sum over r of R[c, r] K[y, x, r, o]; with zeros around it, it is a 5x5 convolution. The pool branch is left out everywhere."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator

from ... import nn
from ...array_types import Array, BoolArray, IntArray

Groups: TypeAlias = list[tuple[int, IntArray]]  # (window size, output channels)

U = 2.0**-24  # the largest relative error of one float32 rounding


def reduced_module(cin: int, widths: Sequence[int], rng: Generator) -> nn.Branches:
    """Figure 2b without pool, ReLU and biases: widths of table 1 (1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5); random weights."""
    ch1x1, r3, ch3x3, r5, ch5x5 = widths
    return nn.Branches(linear_conv(rng, cin, ch1x1, 1),
                       nn.Sequential(reduce=linear_conv(rng, cin, r3, 1), conv=linear_conv(rng, r3, ch3x3, 3)),
                       nn.Sequential(reduce=linear_conv(rng, cin, r5, 1), conv=linear_conv(rng, r5, ch5x5, 5)))


def linear_conv(rng: Generator, cin: int, cout: int, k: int) -> nn.Conv2d:
    """A convolution that keeps a map's size, without bias, of random weights that keep the scale of their input."""
    scale = 1 / np.sqrt(k * k * cin)
    return conv_of((rng.standard_normal((k, k, cin, cout)) * scale).astype(np.float32))


def conv_of(w: Array) -> nn.Conv2d:
    """The convolution with the weights `w` [k, k, cin, cout], without bias, that keeps a map's size."""
    return nn.Conv2d(w.shape[2], w.shape[3], w.shape[0], padding=w.shape[0] // 2, init=lambda shape: w, bias=False)


def composed(module: nn.Branches) -> Array:
    """The weights [5, 5, cin, cout], in float64, of the one 5x5 convolution that computes what the branches of `module` do."""
    return np.concatenate([_centred(_product(branch)) for branch in module.children()], axis=3)


def _convolutions(branch: Any) -> list[nn.Conv2d]:
    """The convolutions of a branch: one, or a 1x1 reduction and the convolution after it."""
    return [branch] if isinstance(branch, nn.Conv2d) else [branch.reduce, branch.conv]


def _product(branch: nn.Module) -> Array:
    """The weights of a branch as one convolution, in float64."""
    *reduction, w = (conv.weight.data.astype(np.float64) for conv in _convolutions(branch))
    product: Array = reduction[0][0, 0] @ w if reduction else w  # [cin, r] @ [k, k, r, n]
    return product


def _centred(w: Array, size: int = 5) -> Array:
    """`w` with zeros around its window."""
    pad = (size - len(w)) // 2
    return np.pad(w, ((pad, pad), (pad, pad), (0, 0), (0, 0)))


def support_groups(w: Array) -> Groups:
    """[(window size, output channels)]: the channels of `w` [k, k, cin, cout] that have weights at the same positions of the window, and
    the smallest centred window that holds them; smallest window first."""
    support = (w != 0).any(axis=2)  # [k, k, cout]
    groups: dict[bytes, list[int]] = {}
    for channel in range(w.shape[3]):
        groups.setdefault(support[:, :, channel].tobytes(), []).append(channel)
    found = [(_window(support[:, :, channels[0]]), np.array(channels)) for channels in groups.values()]
    return sorted(found, key=lambda group: group[0])


def _window(support: BoolArray) -> int:
    """The size of the smallest centred window that holds the True values."""
    middle = len(support) // 2
    return 1 + 2 * int(np.abs(np.argwhere(support) - middle).max(initial=0))


def grouped_module(w: Array, groups: Groups) -> nn.Branches:
    """The naive Inception module that `groups` of the channels of `w` make, without pool: a dense convolution for each."""
    convs = []
    for size, channels in groups:
        window = slice((len(w) - size) // 2, (len(w) + size) // 2)
        convs.append(conv_of(np.ascontiguousarray(w[window, window][..., channels])))
    return nn.Branches(*convs)


def error_of(y: Array, exact: Array, magnitude: Array, terms: int) -> float:
    """The largest |y - exact| in units of its bound, (4 + 2 sqrt(terms)) 2^-24 magnitude: at most 1 for a float32 sum of `terms`
    products whose absolute values add up to `magnitude` (README, "Limits"). Where `exact` is 0, y must be 0."""
    bound = (4 + 2 * np.sqrt(terms)) * U * np.maximum(magnitude, np.finfo(np.float32).tiny)
    return float((np.abs(y - exact) / bound).max())


def exact_output(module: nn.Branches, x: Array) -> tuple[Array, Array]:
    """(what `module` computes of `x`, the same of absolute values), in float64."""
    return _float64(module, x, np.array), _float64(module, x, np.abs)


def _float64(module: nn.Branches, x: Array, change: Callable[[Array], Array]) -> Array:
    outputs = []
    for branch in module.children():
        y = change(x.astype(np.float64))
        for conv in _convolutions(branch):
            y = _conv64(y, change(conv.weight.data.astype(np.float64)))
        outputs.append(y)
    return np.concatenate(outputs, axis=3)


def _conv64(x: Array, w: Array) -> Array:
    """A convolution that keeps a map's size, as a sum of shifted products: fast in float64, since BLAS does it."""
    pad, (_, height, width, _) = len(w) // 2, x.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    taps = [(ky, kx) for ky in range(len(w)) for kx in range(len(w))]
    y: Array = sum(padded[:, ky : ky + height, kx : kx + width] @ w[ky, kx] for ky, kx in taps)
    return y
