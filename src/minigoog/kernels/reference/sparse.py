"""Convolution with sparse weights, and its gradients: computed as a dense convolution in which most weights are zero."""

from ...array_types import Array, Pair, Shape
from ...checks import check_array, check_out, check_shape
from ..sparse_pattern import SparsePattern, check_sparse_conv, check_values, sparse_shape
from .conv import conv2d, conv2d_input, conv2d_weight


def sparse_conv2d(
    x: Array,
    values: Array,
    b: Array | None = None,
    *,
    pattern: SparsePattern,
    stride: Pair = 1,
    padding: Pair = 0,
    relu: bool = False,
    out: Array | None = None,
    algorithm: str = "auto",
) -> Array:
    """Convolution of `x` [n, h, w, cin] with the sparse weights `values` at `pattern`, plus `b` [cout], then max(0, .) if `relu`.

    Returns [n, out_h, out_w, cout], in `out` if given, which may be a slice of a wider map's channels."""
    s = check_sparse_conv("sparse_conv2d", x, values, b, pattern, stride, padding, relu, algorithm)
    if out is not None:
        check_out("sparse_conv2d", out, s.y, x.dtype, x=x, values=values, b=b)
    return conv2d(x, pattern.scatter(values), b, stride=stride, padding=padding, relu=relu, out=out)


def sparse_conv2d_input(
    x_shape: Shape, values: Array, dy: Array, *, pattern: SparsePattern, stride: Pair = 1, padding: Pair = 0
) -> Array:
    """Gradient of a sparse convolution with respect to its input of shape `x_shape`, given `dy` [n, out_h, out_w, cout]."""
    check_values("sparse_conv2d_input", values, pattern)
    x_shape = check_shape("sparse_conv2d_input", "x_shape", x_shape, 4)
    s = sparse_shape("sparse_conv2d_input", x_shape, pattern, stride, padding)
    check_array("sparse_conv2d_input", "dy", dy, dtype=values.dtype, shape=s.y)
    return conv2d_input(x_shape, pattern.scatter(values), dy, stride=stride, padding=padding)


def sparse_conv2d_weight(x: Array, pattern: SparsePattern, dy: Array, *, stride: Pair = 1, padding: Pair = 0) -> Array:
    """Gradient of a sparse convolution with respect to the values of its `pattern`, given `dy` [n, out_h, out_w, cout]."""
    check_array("sparse_conv2d_weight", "x", x)
    s = sparse_shape("sparse_conv2d_weight", x.shape, pattern, stride, padding)
    check_array("sparse_conv2d_weight", "dy", dy, dtype=x.dtype, shape=s.y)
    return pattern.gather(conv2d_weight(x, pattern.shape, dy, stride=stride, padding=padding))
