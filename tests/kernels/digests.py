"""Results of the kernels on fixed inputs, as SHA-256: every instruction set with fused multiply-add must reproduce digests.json.

The inputs come from an integer hash and need no mathematical library. `python -m tests.kernels.digests` writes the file, for the
instruction set in use. Not here: what calls the C library (tanh, the logarithm in the losses of cross_entropy), BLAS (`im2col`), and
the CSR kernel of textbooks, which is scalar code for any machine."""

import hashlib
import json
from pathlib import Path

import numpy as np

import minigoog as mg
from minigoog.kernels import native
from minigoog.kernels.sparse_pattern import SparsePattern

FILE = Path(__file__).with_name("digests.json")
CASES = {}


def bits(seed, n):
    """n pseudo-random 32-bit integers (the finaliser of MurmurHash3)."""
    x = np.arange(n, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x


def numbers(seed, shape):
    """float32 in [-1, 1), exactly the same on every machine."""
    return ((bits(seed, int(np.prod(shape))) >> np.uint32(8)).astype(np.float32) * np.float32(2**-23) - np.float32(1)).reshape(shape)


def case(function):
    """Adds a function without arguments that returns arrays to the cases."""
    CASES[function.__name__] = function
    return function


def convolution(name, x_shape, window, cout, algorithm, groups=1, **settings):
    """Adds a convolution and its gradients."""

    def results():
        x, w, b = numbers(1, x_shape), numbers(2, (*window, x_shape[3] // groups, cout)), numbers(3, (cout,))
        how = {"algorithm": algorithm, "groups": groups, **settings}
        y = native.conv2d(x, w, b, relu=True, **how)
        dy = numbers(4, y.shape)
        dx = native.conv2d_input(x_shape, w, dy, **how)
        return y, dx, native.conv2d_weight(x, w.shape, dy, **how), native.conv2d_bias(dy)

    CASES[name] = results


convolution("conv direct", (2, 13, 11, 19), (3, 3), 45, "direct", padding=1)
convolution("conv direct, stride 2", (1, 23, 23, 3), (7, 7), 33, "direct", stride=2, padding=3)
convolution("conv direct, 1x1", (5, 7, 7, 70), (1, 1), 50, "direct")
convolution("conv direct, groups", (2, 9, 9, 12), (5, 5), 18, "direct", groups=3, padding=2)
convolution("conv direct, wide rows", (1, 3, 700, 5), (1, 3), 7, "direct")
convolution("conv winograd, 4x4", (3, 14, 14, 24), (3, 3), 40, "winograd", padding=1)
convolution("conv winograd, 2x2", (1, 7, 7, 33), (3, 3), 20, "winograd", padding=1)
convolution("conv winograd, 5x5", (2, 11, 11, 17), (5, 5), 35, "winograd", padding=2)
convolution("conv winograd, 7x7 of stride 2", (1, 23, 23, 3), (7, 7), 33, "winograd", stride=2, padding=3)
convolution("conv direct, dilated, four sides", (2, 13, 11, 19), (3, 2), 45, "direct", padding=(0, 3, 2, 1), dilation=(2, 3))
convolution("conv depthwise", (2, 15, 29, 83), (3, 3), 83, "depthwise", groups=83, padding=1)
convolution("conv depthwise, stride 2", (3, 14, 14, 40), (5, 5), 40, "depthwise", groups=40, stride=2, padding=(1, 2, 2, 1))
convolution("conv depthwise, dilated", (1, 19, 21, 7), (3, 4), 7, "depthwise", groups=7, padding=(5, 1, 0, 3), dilation=(3, 2))


def sparse(name, block, density):
    """Adds a convolution with sparse weights and its gradients."""

    def results():
        x, shape = numbers(1, (3, 17, 15, 21)), (3, 3, 21, 37)
        keep = bits(5, int(np.prod(shape))).reshape(shape) < np.uint32(density * 2**32)
        pattern = SparsePattern.from_mask(keep, block)
        values, b = numbers(2, pattern.values_shape), numbers(3, (37,))
        y = native.sparse_conv2d(x, values, b, pattern=pattern, padding=1)
        dy = numbers(4, y.shape)
        dx = native.sparse_conv2d_input(x.shape, values, dy, pattern=pattern, padding=1)
        return y, dx, native.sparse_conv2d_weight(x, pattern, dy, padding=1)

    CASES[name] = results


sparse("sparse, CSR", 1, 0.2)
sparse("sparse, blocks", 16, 0.1)


@case
def pools():
    x = numbers(1, (2, 37, 29, 21))
    found = []
    for size, settings in ((3, {"stride": 2, "ceil_mode": True}), (3, {"stride": 1, "padding": 1}), ((20, 19), {"stride": 3})):
        y, index = native.max_pool2d(x, size, **settings)
        dy = numbers(2, y.shape)
        found += [y, index.astype(np.int32), native.max_pool2d_backward(x.shape, index, dy, size, **settings)]
        found += [native.avg_pool2d(x, size, **settings), native.avg_pool2d_backward(x.shape, dy, size, **settings)]
    return *found, native.global_avg_pool2d(x)


@case
def pools_of_four_sides():
    x = numbers(1, (2, 17, 14, 21))
    found = []
    for settings in ({"padding": (0, 0, 1, 1)}, {"padding": (2, 1, 0, 2), "dilation": (2, 3), "ceil_mode": True}):
        y, index = native.max_pool2d(x, 3, stride=2, **settings)
        dy = numbers(2, y.shape)
        found += [y, index.astype(np.int32), native.max_pool2d_backward(x.shape, index, dy, 3, stride=2, **settings)]
        found += [native.avg_pool2d(x, 3, stride=2, count_include_pad=True, **settings)]
        found += [native.avg_pool2d_backward(x.shape, dy, 3, stride=2, count_include_pad=True, **settings)]
    return tuple(found)


@case
def batch_norm():
    x, gamma, beta = numbers(1, (3, 23, 19, 37)), numbers(2, (37,)), numbers(3, (37,))
    y, mean, variance = native.batch_norm(x, gamma, beta, eps=1e-5, relu=True)
    dy = numbers(4, x.shape)
    return y, mean, variance, *native.batch_norm_backward(x, dy, mean, variance, gamma, beta, eps=1e-5, relu=True)


@case
def softmax():
    found = []
    for c in (5, 16, 23, 1000, 5000):
        x, dy = numbers(c, (4, c)) * np.float32(64), numbers(c + 1, (4, c))
        y = native.softmax(x)
        _, probabilities = native.cross_entropy(x, np.arange(4) % c)
        found += [y, native.softmax_backward(y, dy), probabilities, native.cross_entropy_backward(y, np.arange(4) % c, 0.3)]
    return found


@case
def linear():
    x, w, b, dy = numbers(1, (7, 300)), numbers(2, (300, 41)), numbers(3, (41,)), numbers(4, (7, 41))
    return native.linear(x, w, b), native.linear_input(w, dy), native.linear_weight(x, dy)


@case
def elementwise():
    a, b = numbers(1, (501, 37)), numbers(2, (501, 37))
    w, v = a.copy(), b.copy()
    native.sgd_step(w, numbers(3, a.shape), v, lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
    activations = native.relu(a), native.relu_backward(a, b), native.leaky_relu(a, 0.1), native.leaky_relu_backward(a, b, 0.1)
    return *activations, native.add(a, b), native.dropout(a, 0.4, seed=7, offset=3), w, v


@case
def activations():
    a, b = numbers(1, (501, 37)) * np.float32(8), numbers(2, (501, 37))
    settings = {"clip": (-2, 6), "hard_sigmoid": (0.2, 0.5), "hard_swish": (), "silu": (), "elu": (0.7,)}
    from_x = [array for name, values in settings.items()
              for array in (getattr(native, name)(a, *values), getattr(native, f"{name}_backward")(a, b, *values))]
    y = native.sigmoid(a)
    return *from_x, y, native.sigmoid_backward(y, b)


@case
def plan():
    """A network of Inception modules, compiled."""
    model = mg.models.TinyInception()
    for i, parameter in enumerate(model.parameters()):
        parameter.data[...] = numbers(i, parameter.shape) * np.float32(0.25)
    x = numbers(99, (5, 8, 8, 1))
    return (mg.compile(model, x.shape)(x),)


def digest(arrays):
    """SHA-256 of the shapes, types and bytes of arrays."""
    found = hashlib.sha256()
    for a in arrays:
        found.update(repr((a.shape, str(a.dtype))).encode())
        found.update(np.ascontiguousarray(a).tobytes())
    return found.hexdigest()


def main():
    FILE.write_text(json.dumps({name: digest(function()) for name, function in CASES.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
