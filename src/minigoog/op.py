"""An operation: its forward and backward rule, and, once it has run, the record of that run."""

import itertools

from . import kernels
from .tensor import Tensor, is_recording

_ticks = itertools.count()


class Op:
    """Base of all operations. The element of a tape is the very object that ran, with all that it needs for its way back.

    A subclass has `forward(*arrays) -> array` and `backward(dy) -> one gradient (or None) for each input`; what backward needs,
    forward leaves in attributes, for everybody to print. The settings of an operation are arguments of its constructor.
    """

    freed = False
    inputs = ()
    y = None  # the output's array

    def __call__(self, *inputs):
        """Runs the operation on tensors and returns its output tensor, which remembers it if a gradient will be wanted."""
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                raise TypeError(f"{self.name}: input {i} is {type(x).__name__}, expected a Tensor: minigoog.Tensor(array)")
        self.y = self.forward(*(x.data for x in inputs))
        y = Tensor(self.y)
        if is_recording() and any(x.requires_grad for x in inputs):
            self.inputs, self.tick = inputs, next(_ticks)
            y.op, y.requires_grad = self, True
        return y

    def forward(self, *arrays):
        """The output array from the input arrays."""
        raise NotImplementedError

    def backward(self, dy):
        """The gradient with respect to each input, from the gradient with respect to the output; None for those not wanted."""
        raise NotImplementedError

    def needs_grad(self, i):
        """Whether anybody wants the gradient of input `i`."""
        return self.inputs[i].requires_grad

    def active_set(self):
        """Which way each element went, where the operation has ways to choose from (ReLU, max pooling); else None.

        Where a small step changes a decision the function has a kink, and its gradient there is a convention."""
        return

    def free(self):
        """Drops the record, and with it the memory of whatever nobody else holds."""
        vars(self).clear()
        self.freed = True

    @property
    def name(self):
        """The name of the operation."""
        return type(self).__name__

    add = staticmethod(lambda a, b, out=None: kernels.add(a, b, out=out))

    def __repr__(self):
        if self.freed or self.y is None:
            return f"{self.name} ({'freed' if self.freed else 'not run'})"
        shapes = ", ".join("x".join(map(str, x.shape)) or "()" for x in self.inputs)
        return f"{self.name:<20} {'x'.join(map(str, self.y.shape)) or '()':<16} from {shapes}"

    @staticmethod
    def html_table(ops: "list[Op]") -> str:
        """The operations of a tape as a table of HTML; here, because the tape imports nothing."""
        from .html import operations

        return operations(ops)
