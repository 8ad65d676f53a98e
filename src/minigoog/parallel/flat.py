"""The gradients of a network in one array, for one message: which of them there are, and what a batch has changed in its buffers."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array
from ..nn.module import Buffer, Parameter


class Flat:
    """One float32 array for all `parameters` and `buffers`, and a number for each parameter: above 0 if it has a gradient."""

    def __init__(self, parameters: Sequence[Parameter], buffers: Sequence[Buffer]) -> None:
        for array in [p.data for p in parameters] + [b.data for b in buffers]:
            if array.dtype != np.float32:
                raise ValueError(f"parallel: a parameter or buffer {array.shape} is {array.dtype}, expected float32")
        self.parameters, self.buffers = list(parameters), list(buffers)
        self.sizes = [p.size for p in self.parameters] + [b.data.size for b in self.buffers]
        self.size = sum(self.sizes) + len(self.parameters)
        self.before = [buffer.data.copy() for buffer in self.buffers]

    def views(self, flat: Array) -> list[Array]:
        """The part of each parameter, then of each buffer, then the numbers that say which parameters have a gradient."""
        return np.split(flat, np.cumsum(self.sizes))

    def remember(self) -> None:
        """Keeps the buffers as they are before a step."""
        for before, buffer in zip(self.before, self.buffers, strict=True):
            before[...] = buffer.data

    def take(self, weight: float) -> Array:
        """Weight times the gradients and times the changes of the buffers since `remember`, as one array; both are then as before."""
        flat, w = np.zeros(self.size, np.float32), np.float32(weight)
        *parts, has = self.views(flat)
        for i, p in enumerate(self.parameters):
            if p.grad is not None:
                np.multiply(p.grad.reshape(-1), w, out=parts[i])
                has[i] = 1
                p.grad = None
        for part, before, buffer in zip(parts[len(self.parameters) :], self.before, self.buffers, strict=True):
            part[...] = w * (buffer.data - before).reshape(-1)
            buffer.data[...] = before
        return flat

    def give(self, flat: Array) -> None:
        """Sets the gradients, and changes the buffers, by a sum of what `take` gave."""
        *parts, has = self.views(flat)
        for i, p in enumerate(self.parameters):
            p.grad = parts[i].reshape(p.shape) if has[i] else None
        for part, before, buffer in zip(parts[len(self.parameters) :], self.before, self.buffers, strict=True):
            buffer.data[...] = before + part.reshape(before.shape)
            buffer.mark_written("a step of several processes")
