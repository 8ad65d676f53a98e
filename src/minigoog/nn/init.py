"""Initial weights. Shapes are HWIO [kh, kw, in, out] or [in, out]: all axes but the last are what one output sums over (fan-in)."""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .. import rng
from ..array_types import Array, Shape
from ..checks import check_bool, check_int, check_real
from .module import Parameter

Init: TypeAlias = Callable[[Shape], Array]  # initial weights of a shape


def fan_in(shape: Shape, where: str = "fan_in") -> int:
    """The number of products that one output sums, for weights of this shape; `where` is the function that errors name."""
    if not isinstance(shape, (tuple, list)) or not shape:
        raise TypeError(f"{where}: `shape` is {shape!r}, expected a tuple of integers")
    return math.prod([check_int(where, "shape", n, 1) for n in shape][:-1])


def he_normal(shape: Shape) -> Array:
    """Normal with standard deviation sqrt(2 / fan_in): keeps the scale of activations through ReLU. (He et al. 2015)"""
    deviation = np.float32(math.sqrt(2 / fan_in(shape, "he_normal")))
    return rng.generator().standard_normal(shape, np.float32) * deviation


def caffe_xavier(shape: Shape) -> Array:
    """Uniform in +-sqrt(3 / fan_in): Caffe's "xavier", used in its replication of GoogLeNet. (After Glorot, Bengio 2010)"""
    bound = math.sqrt(3 / fan_in(shape, "caffe_xavier"))
    return rng.generator().uniform(-bound, bound, shape).astype(np.float32)


def lecun_uniform(shape: Shape) -> Array:
    """Uniform in +-2.4 / fan_in. (LeCun 1998, appendix A)"""
    bound = 2.4 / fan_in(shape, "lecun_uniform")
    return rng.generator().uniform(-bound, bound, shape).astype(np.float32)


def dirac(shape: Shape) -> Array:
    """Output i is input i, as far as there are both; the other outputs have normal weights of variance 1 / (3 fan_in).

    For a window with a middle: a layer begins by passing its input on, beside small filters, which learn fast under batch
    normalisation. (After Zagoruyko, Komodakis 2017, and Jordan, arXiv 2404.00498, section 3.2)"""
    deviation = np.float32(math.sqrt(1 / (3 * fan_in(shape, "dirac"))))
    if len(shape) < 2:
        raise ValueError(f"dirac: `shape` is {shape!r}, expected at least 2 axes: [..., in, out]")
    w = rng.generator().standard_normal(shape, np.float32) * deviation
    *window, inputs, outputs = shape
    n = min(inputs, outputs)
    w[..., :n] = 0
    middle = w[tuple(side // 2 for side in window)]
    middle[range(n), range(n)] = 1
    return w


def normal(deviation: float) -> Init:
    """Normal with the given standard deviation: AlexNet's with 0.01. (Krizhevsky et al. 2012)"""
    check_real("normal", "deviation", deviation, 0)
    return lambda shape: rng.generator().standard_normal(shape, np.float32) * np.float32(deviation)


def bias_parameter(where: str, size: int, bias: bool, bias_init: float) -> Parameter | None:
    """The bias [size] of a layer, every value `bias_init`; None if the layer has none."""
    value = check_real(where, "bias_init", bias_init)
    if not check_bool(where, "bias", bias, "; `bias_init` sets the initial value"):
        return None
    return Parameter(np.full(size, value, np.float32))
