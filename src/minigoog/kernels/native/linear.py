"""The fully connected layer, as a 1x1 convolution of maps of one pixel."""

from ...array_types import Array
from ...checks import check_array
from ..shapes import ConvShape, check_conv_arrays, check_lengths
from . import conv_direct, workspace
from .pointers import check_dense, check_float32, check_pixels


def _shape(n: int, cin: int, cout: int) -> ConvShape:
    """The convolution that a linear layer is; its arrays may have two axes, [n, c] for [n, 1, 1, c], because C sees pixels only."""
    return ConvShape(n, 1, 1, cin, 1, 1, cout, (1, 1), (0, 0, 0, 0), (1, 1), 1, 1, 1)


def linear(x: Array, w: Array, b: Array | None = None, *, relu: bool = False) -> Array:
    """`x` [n, in] times `w` [in, out], plus `b` [out], then max(0, .) if `relu`."""
    check_float32("linear", "x", x)
    check_conv_arrays("linear", x, w, b, relu)
    check_array("linear", "x", x, ndim=2)
    check_array("linear", "w", w, ndim=2)
    check_lengths("linear", "w", w.shape)
    if x.shape[1] != w.shape[0]:
        raise ValueError(f"linear: `w` takes {w.shape[0]} features but `x` has {x.shape[1]} (x {x.shape}, w {w.shape})")
    check_pixels("linear", "x", x)
    check_dense("linear", "w", w)
    if b is not None:
        check_dense("linear", "b", b)
    y: Array = workspace.empty((len(x), w.shape[1]))
    conv_direct.forward(_shape(len(x), *w.shape), x, w, b, relu, y)
    return y


def linear_input(w: Array, dy: Array) -> Array:
    """Gradient of a linear layer with respect to its input: `dy` [n, out] times `w` [in, out] transposed."""
    check_float32("linear_input", "w", w)
    check_array("linear_input", "w", w, ndim=2)
    check_lengths("linear_input", "w", w.shape)
    check_array("linear_input", "dy", dy, ndim=2, dtype=w.dtype)
    if dy.shape[1] != w.shape[1]:
        raise ValueError(f"linear_input: `dy` has {dy.shape[1]} columns but `w` has {w.shape[1]} (dy {dy.shape}, w {w.shape})")
    check_dense("linear_input", "w", w)
    check_pixels("linear_input", "dy", dy)
    dx: Array = workspace.empty((len(dy), len(w)))
    conv_direct.input(_shape(len(dy), *w.shape), w, dy, dx)
    return dx


def linear_weight(x: Array, dy: Array) -> Array:
    """Gradient of a linear layer with respect to its weights: `x` [n, in] transposed times `dy` [n, out]."""
    check_float32("linear_weight", "x", x)
    check_array("linear_weight", "x", x, ndim=2)
    check_array("linear_weight", "dy", dy, ndim=2, dtype=x.dtype)
    check_lengths("linear_weight", "x", x.shape, empty_batch=True)
    check_lengths("linear_weight", "dy", dy.shape, empty_batch=True)
    if len(x) != len(dy):
        raise ValueError(f"linear_weight: `dy` has {len(dy)} rows but `x` has {len(x)} (dy {dy.shape}, x {x.shape})")
    check_pixels("linear_weight", "x", x)
    check_pixels("linear_weight", "dy", dy)
    dw: Array = workspace.empty((x.shape[1], dy.shape[1]))
    conv_direct.weight(_shape(len(x), *dw.shape), x, dy, dw)
    return dw
