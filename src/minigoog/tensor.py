"""A tensor: an array, its gradient, and the operation that made it."""

from contextlib import contextmanager

import numpy as np

from .tape import Tape

_recording = True


@contextmanager
def no_grad():
    """Within a with-block, operations are not recorded: less memory, no backward."""
    global _recording
    before, _recording = _recording, False
    try:
        yield
    finally:
        _recording = before


def is_recording():
    """Whether operations are recorded for backward()."""
    return _recording


def _from_python(data):
    """Numbers and lists of numbers as float32; NumPy scalars keep their type."""
    a = np.asarray(data)
    return a.astype(np.float32) if a.dtype == np.float64 and not isinstance(data, np.generic) else a


class Tensor:
    """`data`, a NumPy array of floats; `grad`, its gradient once backward() has come by; `op`, the operation that made it (or None).

    Lists and whole numbers become float32. Feature maps are NHWC: images x height x width x channels."""

    __slots__ = ("data", "grad", "op", "requires_grad")
    __array_priority__ = 1  # NumPy leaves array * tensor to Tensor.__rmul__

    def __init__(self, data, requires_grad=False):
        if isinstance(data, Tensor):
            raise TypeError("Tensor: `data` is a Tensor already; x.detach() makes a new one with the same array")
        data = data if isinstance(data, np.ndarray) else _from_python(data)
        if data.dtype.kind in "biu":
            data = data.astype(np.float32)
        if data.dtype not in (np.float32, np.float64):
            raise TypeError(f"Tensor: `data` is {data.dtype}, expected numbers")
        self.data, self.grad, self.op, self.requires_grad = data, None, None, requires_grad

    shape = property(lambda self: self.data.shape, doc="Lengths of the axes.")
    ndim = property(lambda self: self.data.ndim, doc="Number of axes.")
    size = property(lambda self: self.data.size, doc="Number of values.")
    dtype = property(lambda self: self.data.dtype, doc="float32, or float64 on the reference kernels.")

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        made_by = f", op={self.op.name}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.data, precision=4, threshold=20, prefix='Tensor(')}{made_by})"

    def _repr_html_(self) -> str:
        """For notebooks: shape, statistics, and pictures of the maps of one image."""
        from .html import array

        return array(f"{type(self).__name__} of {self.op.name}" if self.op else type(self).__name__, self.data)

    def numpy(self):
        """The array itself, not a copy."""
        return self.data

    def item(self):
        """The value of a tensor that has only one."""
        return self.data.item()

    def detach(self):
        """A tensor with the same array and no history."""
        return Tensor(self.data)

    def tape(self):
        """The operations that this tensor came from, oldest first: a Tape to print, walk and step through."""
        return Tape(self)

    def backward(self, grad=None, retain_graph=False):
        """Adds to `.grad` of every leaf that requires one the gradient of this tensor, weighted with `grad` (1 for a single value).

        Frees each operation's record as soon as it is used; `retain_graph` keeps them for another backward()."""
        if not self.requires_grad:
            raise RuntimeError("backward: nothing that this tensor came from requires a gradient (or it was computed under no_grad)")
        tape = Tape(self)
        dy = self.output_gradient(grad)
        if self.op is None:
            self.grad = dy.copy() if self.grad is None else self.grad + dy
        for op, *_ in tape.steps(dy):
            if not retain_graph:
                op.free()

    def output_gradient(self, grad=None):
        """`grad` as an array of this tensor's shape, checked; 1 if it is None and this is a single value."""
        if grad is None:
            if self.size != 1:
                raise ValueError(f"backward: `grad` is missing: a tensor of shape {self.shape}, not one value, needs one of that shape")
            return np.ones_like(self.data)
        grad = np.asarray(grad.data if isinstance(grad, Tensor) else grad, dtype=self.dtype)
        if grad.shape != self.shape:
            raise ValueError(f"backward: `grad` has shape {grad.shape}, expected {self.shape}")
        return grad
