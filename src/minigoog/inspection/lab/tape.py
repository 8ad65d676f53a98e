"""A tape whose backward pass can be told to make the classic mistakes; with none switched on its gradients are those of the engine."""

import numpy as np

from ...tape import Tape
from ...tensor import Tensor

SWITCHES = ("order", "overwrite", "second-backward", "aliasing")


class LabTape(Tape):
    """The operations that the tensor `result` came from, and a backward pass that makes `mistakes`, names from SWITCHES.

    It is `Tape.steps` written as plainly as it goes: `visits` says in which order, `arrives` what happens to a gradient."""

    def __init__(self, result, *mistakes):
        for mistake in mistakes:
            if mistake not in SWITCHES:
                raise ValueError(f"LabTape: `mistakes` has {mistake!r}, expected some of {', '.join(SWITCHES)}")
        if result.op is None:
            raise ValueError("LabTape: `result` comes from no recorded operation on a tensor that requires a gradient")
        super().__init__(result)
        self.mistakes = mistakes
        self.arrived = {}  # operation: the gradient of its output, as far as it has come

    def steps(self, dy=None):
        """Runs the backward pass, yielding (op, dy, dxs) after each operation, as `Tape.steps` does."""
        result = self.results[0]
        if "second-backward" not in self.mistakes:
            self.arrived = {}
        self.arrived[result.op] = result.output_gradient(dy)
        for op in self.visits():
            dy = self.arrived.get(op)
            if dy is None:
                continue
            dxs = op.backward(dy)
            for x, dx in zip(op.inputs, dxs, strict=True):
                if dx is not None and x.requires_grad:
                    self.arrives(x, dx)
            yield op, dy, dxs

    def visits(self):
        """The operations, newest first; with "order" as they are found from the result on, first found first."""
        if "order" not in self.mistakes:
            return self[::-1]
        found = [self.results[0].op]
        for op in found:
            for x in op.inputs:
                if x.op is not None and x.op not in found:
                    found.append(x.op)
        return found

    def arrives(self, x, dx):
        """Adds `dx` to the gradient of `x`; "overwrite" keeps only the last, "aliasing" adds in place to arrays that others hold."""
        before = x.grad if x.op is None else self.arrived.get(x.op)
        aliasing = "aliasing" in self.mistakes
        if before is None or "overwrite" in self.mistakes:
            total = dx if aliasing else dx.copy()
        elif aliasing:
            before += dx
            total = before
        else:
            total = np.asarray(before + dx)
        if x.op is None:
            x.grad = total
        else:
            self.arrived[x.op] = total

    def backward(self, dy=None):
        """All steps at once."""
        for _ in self.steps(dy):
            pass


class LabTensor(Tensor):
    """The tensor `y` with a backward() that makes `mistakes`: what a gradient check is given to find them."""

    __slots__ = ("mistakes",)

    def __init__(self, y, *mistakes):
        super().__init__(y.data, y.requires_grad)
        self.op, self.mistakes = y.op, mistakes

    def backward(self, grad=None, retain_graph=True):
        LabTape(self, *self.mistakes).backward(grad)
