"""Element by element: ReLU, tanh, sum (csrc/elementwise.c)."""

from minigoog._native import lib

from ...checks import check_array, check_writable
from ..reference.activation import tanh_backward as reference_tanh_backward
from . import workspace
from .pointers import check_float32, dense, pixels


def _as_rows(*arrays):
    """(rows, length of a row): one long row if all arrays are dense, else a row for each pixel."""
    a = arrays[0]
    if all(b.flags.c_contiguous for b in arrays):
        return 1, a.size
    return a.size // a.shape[-1] if a.size else 0, a.shape[-1]


def _pointers(where, **arrays):
    """(rows, length of a row, pointer and step of each array), as the C functions want them."""
    n_rows, length = _as_rows(*arrays.values())
    arguments = [n_rows, length]
    for name, a in arrays.items():
        pointer, step = pixels(where, name, a if a.ndim else a.reshape(1))
        arguments += [pointer, length if n_rows == 1 else step]
    return arguments


def relu(x, *, out=None):
    """max(0, x), of any shape; a NaN stays."""
    check_float32("relu", "x", x)
    y = workspace.empty(x.shape) if out is None else check_writable("relu", out, x.shape, x.dtype)
    lib.mg_relu(*_pointers("relu", x=x, out=y))
    return y


def relu_backward(y, dy):
    """Gradient of ReLU: `dy` where its output `y` is not 0."""
    check_float32("relu_backward", "y", y)
    check_array("relu_backward", "dy", dy, dtype=y.dtype, shape=y.shape)
    dx = workspace.empty(y.shape)
    lib.mg_relu_backward(*_pointers("relu_backward", y=y, dy=dy, dx=dx))
    return dx


def tanh(x, gain, slope):
    """gain * tanh(slope * x): LeNet-5's squashing function with gain 1.7159 and slope 2/3 (LeCun 1998, appendix A)."""
    check_float32("tanh", "x", x)
    y = workspace.empty(x.shape)
    lib.mg_tanh(x.size, gain, slope, dense("tanh", "x", x), dense("tanh", "y", y))
    return y


def tanh_backward(y, dy, gain, slope):
    """Gradient of `tanh` from its output: d/dx = slope * (gain - y^2 / gain)."""
    check_float32("tanh_backward", "y", y)
    return reference_tanh_backward(y, dy, gain, slope)


def add(a, b, *, out=None):
    """a + b, of one shape; `out` may be one of them."""
    check_float32("add", "a", a)
    check_array("add", "b", b, dtype=a.dtype, shape=a.shape)
    y = workspace.empty(a.shape) if out is None else check_writable("add", out, a.shape, a.dtype)
    lib.mg_add(*_pointers("add", a=a, b=b, out=y))
    return y
