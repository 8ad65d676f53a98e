"""Initial weights. Shapes are HWIO [kh, kw, in, out] or [in, out]: all axes but the last are what one output sums over (fan-in)."""

import math

import numpy as np

from .. import rng


def fan_in(shape):
    """How many products one output sums."""
    return math.prod(shape[:-1])


def he_normal(shape):
    """Normal with standard deviation sqrt(2 / fan_in): keeps the scale of activations through ReLU. (He et al. 2015)"""
    return rng.generator().standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / fan_in(shape)))


def caffe_xavier(shape):
    """Uniform in +-sqrt(3 / fan_in): Caffe's "xavier", with which GoogLeNet was replicated. (After Glorot, Bengio 2010)"""
    bound = math.sqrt(3 / fan_in(shape))
    return rng.generator().uniform(-bound, bound, shape).astype(np.float32)


def lecun_uniform(shape):
    """Uniform in +-2.4 / fan_in. (LeCun 1998, appendix A)"""
    bound = 2.4 / fan_in(shape)
    return rng.generator().uniform(-bound, bound, shape).astype(np.float32)


def normal(deviation):
    """Normal with the given standard deviation: AlexNet's with 0.01. (Krizhevsky et al. 2012)"""
    return lambda shape: rng.generator().standard_normal(shape, np.float32) * np.float32(deviation)
