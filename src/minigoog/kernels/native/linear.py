"""The fully connected layer, as a 1x1 convolution of maps of one pixel."""

from ...array_types import Array
from ...checks import check_array
from ..shapes import check_conv_arrays, check_lengths
from .conv import conv2d, conv2d_input, conv2d_weight
from .pointers import check_dense, check_float32, check_pixels


def _map(x: Array) -> Array:
    """[n, c] as [n, 1, 1, c]."""
    return x[:, None, None, :]


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
    return conv2d(_map(x), w[None, None], b, relu=relu)[:, 0, 0]


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
    return conv2d_input((len(dy), 1, 1, len(w)), w[None, None], _map(dy))[:, 0, 0]


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
    dw: Array = conv2d_weight(_map(x), (1, 1, x.shape[1], dy.shape[1]), _map(dy))[0, 0]
    return dw
