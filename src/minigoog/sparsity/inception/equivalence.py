"""One linear function in three forms: a 5x5 convolution full of zeros, its channels grouped by support, and the reduced Inception module.

A reduced branch without ReLU between its layers, R [cin, r] and then K [k, k, r, n], is the convolution W[y, x, c, o] =
sum over r of R[c, r] K[y, x, r, o]; with zeros around it, it is a 5x5 convolution. The pool branch is left out everywhere."""

import numpy as np

from ... import nn

U = 2.0**-24  # the largest relative error of one float32 rounding


def reduced_module(cin, widths, rng):
    """Figure 2b without pool, ReLU and biases: widths of table 1 (1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5); random weights."""
    ch1x1, r3, ch3x3, r5, ch5x5 = widths
    return nn.Branches(linear_conv(rng, cin, ch1x1, 1),
                       nn.Sequential(reduce=linear_conv(rng, cin, r3, 1), conv=linear_conv(rng, r3, ch3x3, 3)),
                       nn.Sequential(reduce=linear_conv(rng, cin, r5, 1), conv=linear_conv(rng, r5, ch5x5, 5)))


def linear_conv(rng, cin, cout, k):
    """A convolution that keeps a map's size, without bias, of random weights that keep the scale of their input."""
    scale = 1 / np.sqrt(k * k * cin)
    return conv_of((rng.standard_normal((k, k, cin, cout)) * scale).astype(np.float32))


def conv_of(w):
    """The convolution with the weights `w` [k, k, cin, cout], without bias, that keeps a map's size."""
    return nn.Conv2d(w.shape[2], w.shape[3], w.shape[0], padding=w.shape[0] // 2, init=lambda shape: w, bias=False)


def composed(module):
    """The weights [5, 5, cin, cout], in float64, of the one 5x5 convolution that computes what the branches of `module` do."""
    return np.concatenate([_centred(_product(branch)) for branch in module.children()], axis=3)


def _product(branch):
    """The weights of a branch as one convolution."""
    if isinstance(branch, nn.Conv2d):
        return branch.weight.data.astype(np.float64)
    return branch.reduce.weight.data[0, 0].astype(np.float64) @ branch.conv.weight.data.astype(np.float64)  # [cin, r] @ [k, k, r, n]


def _centred(w, size=5):
    """`w` with zeros around its window."""
    pad = (size - len(w)) // 2
    return np.pad(w, ((pad, pad), (pad, pad), (0, 0), (0, 0)))


def support_groups(w):
    """[(window size, output channels)]: the channels of `w` [k, k, cin, cout] that have weights at the same positions of the window, and
    the smallest centred window that holds them; smallest window first."""
    support = (w != 0).any(axis=2)  # [k, k, cout]
    groups = {}
    for channel in range(w.shape[3]):
        groups.setdefault(support[:, :, channel].tobytes(), []).append(channel)
    found = [(_window(support[:, :, channels[0]]), np.array(channels)) for channels in groups.values()]
    return sorted(found, key=lambda group: group[0])


def _window(support):
    """The size of the smallest centred window that holds the True values."""
    middle = len(support) // 2
    return 1 + 2 * int(np.abs(np.argwhere(support) - middle).max(initial=0))


def grouped_module(w, groups):
    """The naive Inception module that `groups` of the channels of `w` make, without pool: a dense convolution for each."""
    convs = []
    for size, channels in groups:
        window = slice((len(w) - size) // 2, (len(w) + size) // 2)
        convs.append(conv_of(np.ascontiguousarray(w[window, window][..., channels])))
    return nn.Branches(*convs)


def error_of(y, exact, magnitude, terms):
    """The largest |y - exact| in units of its bound, (4 + 2 sqrt(terms)) 2^-24 magnitude: at most 1 for a float32 sum of so many products
    whose absolute values add up to `magnitude` (README, "Limits"). Exact zeros must be met exactly."""
    bound = (4 + 2 * np.sqrt(terms)) * U * np.maximum(magnitude, np.finfo(np.float32).tiny)
    return float((np.abs(y - exact) / bound).max())


def exact_output(module, x):
    """(what `module` computes of `x`, the same of absolute values), in float64."""
    return _float64(module, x, np.array), _float64(module, x, np.abs)


def _float64(module, x, change):
    outputs = []
    for branch in module.children():
        y = change(x.astype(np.float64))
        for conv in [branch] if isinstance(branch, nn.Conv2d) else [branch.reduce, branch.conv]:
            y = _conv64(y, change(conv.weight.data.astype(np.float64)))
        outputs.append(y)
    return np.concatenate(outputs, axis=3)


def _conv64(x, w):
    """A convolution that keeps a map's size, as a sum of shifted products: fast in float64, since BLAS does it."""
    pad, (_, height, width, _) = len(w) // 2, x.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    taps = [(ky, kx) for ky in range(len(w)) for kx in range(len(w))]
    return sum(padded[:, ky : ky + height, kx : kx + width] @ w[ky, kx] for ky, kx in taps)
