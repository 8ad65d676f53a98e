"""Layers without parameters that take each value by itself."""

from .. import ops
from .module import Module


class ReLU(Module):
    """max(0, x)."""

    def forward(self, x, out=None):
        return ops.relu(x, out=out)


class Tanh(Module):
    """gain * tanh(slope * x)."""

    def __init__(self, gain=1.0, slope=1.0):
        self.gain, self.slope = gain, slope

    def forward(self, x):
        return ops.tanh(x, self.gain, self.slope)

    def settings(self):
        return f"gain={self.gain:g}, slope={self.slope:g}"


class Flatten(Module):
    """[n, ...] to [n, everything else]."""

    def forward(self, x):
        return ops.flatten(x)
