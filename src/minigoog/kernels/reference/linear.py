"""The fully connected layer and its gradients; its bias gradient is conv2d_bias."""

import numpy as np

from ...array_types import Array
from ...checks import check_array
from ..shapes import check_conv_arrays, check_lengths
from .sums import product


def linear(x: Array, w: Array, b: Array | None = None, *, relu: bool = False) -> Array:
    """`x` [n, in] times `w` [in, out], plus `b` [out], then max(0, .) if `relu`."""
    check_conv_arrays("linear", x, w, b, relu)
    check_array("linear", "x", x, ndim=2)
    check_array("linear", "w", w, ndim=2)
    check_lengths("linear", "w", w.shape)
    if x.shape[1] != w.shape[0]:
        raise ValueError(f"linear: `w` takes {w.shape[0]} features but `x` has {x.shape[1]} (x {x.shape}, w {w.shape})")
    y = product(x, w)
    if b is not None:
        y += b
    return np.maximum(y, 0, out=y) if relu else y


def linear_input(w: Array, dy: Array) -> Array:
    """Gradient of a linear layer with respect to its input: `dy` [n, out] times `w` [in, out] transposed."""
    check_array("linear_input", "w", w, ndim=2)
    check_lengths("linear_input", "w", w.shape)
    check_array("linear_input", "dy", dy, ndim=2, dtype=w.dtype)
    if dy.shape[1] != w.shape[1]:
        raise ValueError(f"linear_input: `dy` has {dy.shape[1]} columns but `w` has {w.shape[1]} (dy {dy.shape}, w {w.shape})")
    return product(dy, w.T)


def linear_weight(x: Array, dy: Array) -> Array:
    """Gradient of a linear layer with respect to its weights: `x` [n, in] transposed times `dy` [n, out]."""
    check_array("linear_weight", "x", x, ndim=2)
    check_array("linear_weight", "dy", dy, ndim=2, dtype=x.dtype)
    check_lengths("linear_weight", "x", x.shape, empty_batch=True)
    check_lengths("linear_weight", "dy", dy.shape, empty_batch=True)
    if len(x) != len(dy):
        raise ValueError(f"linear_weight: `dy` has {len(dy)} rows but `x` has {len(x)} (dy {dy.shape}, x {x.shape})")
    return product(x.T, dy)
