"""Random sparse networks with known edges, and their outputs: the model of Arora et al. (arXiv 1310.6343, section 2)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from ... import kernels
from ...array_types import Array, BoolArray
from ...checks import check_int
from ...kernels.sparse_pattern import SparsePattern

BLOCK = 4096  # samples whose sums are in memory at a time


class Layer(NamedTuple):
    """The edges from hidden to visible units, with weights +1 and -1: bool [visible, hidden] each, never both."""

    positive: BoolArray
    negative: BoolArray


def random_layer(generator: Generator, visible: int, hidden: int, positive: int, negative: int | None = None) -> Layer:
    """A Layer in which each hidden unit has `positive` children with weight +1, and as many (or `negative`) with weight -1, at random."""
    negative = positive if negative is None else negative
    check_int("random_layer", "positive", positive, 1, visible)
    check_int("random_layer", "negative", negative, 0, visible - positive)
    children = np.argsort(generator.random((hidden, visible), np.float32), axis=1)[:, : positive + negative]
    layer = Layer(*np.zeros((2, visible, hidden), bool))
    unit = np.arange(hidden)[:, None]
    layer.positive[children[:, :positive], unit] = True
    layer.negative[children[:, positive:], unit] = True
    return layer


def sparse_codes(generator: Generator, samples: int, units: int, active: int) -> BoolArray:
    """Codes bool [samples, units], each with `active` random units on."""
    check_int("sparse_codes", "active", active, 1, units)
    on = generator.integers(units, size=(samples, active))
    while len(twice := np.flatnonzero((np.diff(np.sort(on, axis=1), axis=1) == 0).any(axis=1))):
        on[twice] = generator.integers(units, size=(len(twice), active))
    codes = np.zeros((samples, units), bool)
    codes[np.arange(samples)[:, None], on] = True
    return codes


def observe(layers: Iterable[Layer], codes: BoolArray) -> BoolArray:
    """The output at the bottom for `codes` of the top layer: h = [G h > 0] down through the `layers`, the topmost first."""
    for layer in layers:
        weights = layer.positive.T.astype(np.float32) - layer.negative.T
        codes = sums_where(codes, weights, lambda sums: sums > 0)
    return codes


def sums_where(codes: BoolArray, weights: Array | BoolArray, test: Callable[[Array], BoolArray]) -> BoolArray:
    """test(codes @ weights), bool [samples, b]: of binary `codes` [samples, a] and `weights` [a, b] that are mostly 0."""
    pattern = SparsePattern.from_mask((weights != 0)[None, None])
    values = pattern.gather(weights[None, None].astype(np.float32))
    result = np.empty((len(codes), weights.shape[1]), bool)
    for first in range(0, len(codes), BLOCK):
        block = codes[None, None, first : first + BLOCK].astype(np.float32)
        result[first : first + BLOCK] = test(kernels.sparse_conv2d(block, values, pattern=pattern)[0, 0])
    return result
