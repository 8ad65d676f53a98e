"""Sums in float64: the reference is the judge of all other kernels, so a long sum must not lose what it judges."""

import numpy as np

from ...array_types import Array


def wide(x: Array) -> Array:
    """`x` in float64."""
    return x.astype(np.float64, copy=False)


def total(x: Array, axis: int | tuple[int, ...], keepdims: bool = False) -> Array:
    """The sum of `x` over `axis`, added in float64 and rounded once to the type of `x`."""
    y: Array = x.sum(axis=axis, keepdims=keepdims, dtype=np.float64).astype(x.dtype)
    return y


def product(a: Array, b: Array) -> Array:
    """The matrix product a b, likewise."""
    y: Array = (wide(a) @ wide(b)).astype(a.dtype)
    return y
