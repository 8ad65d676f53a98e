"""Activations: ReLU, and the scaled tanh of LeNet-5."""

from .. import kernels
from ..op import Op


class ReLU(Op):
    """y = max(0, x)."""

    def __init__(self, out=None):
        self.out = out

    def forward(self, x):
        self.y = kernels.relu(x, out=self.out)
        return self.y

    def backward(self, dy):
        return (kernels.relu_backward(self.y, dy),)

    def active_set(self):
        return self.y > 0


class Tanh(Op):
    """y = gain * tanh(slope * x)."""

    def __init__(self, gain=1.0, slope=1.0):
        self.gain, self.slope = gain, slope

    def forward(self, x):
        self.y = kernels.tanh(x, self.gain, self.slope)
        return self.y

    def backward(self, dy):
        return (kernels.tanh_backward(self.y, dy, self.gain, self.slope),)


def relu(x, *, out=None):
    """max(0, x), element by element."""
    return ReLU(out)(x)


def tanh(x, gain=1.0, slope=1.0):
    """gain * tanh(slope * x), element by element."""
    return Tanh(gain, slope)(x)
