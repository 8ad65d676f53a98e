"""A tape whose backward pass can make the classic mistakes; with none switched on its gradients are those of the engine."""

from collections.abc import Iterator, Sequence

import numpy as np

from ...array_types import Array
from ...op import Op
from ...tape import Tape
from ...tensor import Tensor

SWITCHES = ("order", "overwrite", "second-backward", "aliasing")


class LabTape(Tape):
    """The operations that the tensor `result` came from, and a backward pass that makes `mistakes`, names from SWITCHES.

    It is the simplest form of `Tape.steps`: `visits` decides the order, `arrives` what happens to a gradient."""

    def __init__(self, result: Tensor, *mistakes: str) -> None:
        for mistake in mistakes:
            if mistake not in SWITCHES:
                raise ValueError(f"LabTape: `mistakes` has {mistake!r}, expected some of {', '.join(SWITCHES)}")
        if result.op is None:
            raise ValueError("LabTape: `result` comes from no recorded operation on a tensor that requires a gradient")
        super().__init__(result)
        self.last, self.mistakes = result.op, mistakes
        self.arrived: dict[Op, Array] = {}  # operation: the gradient of its output so far

    def steps(self, dy: Array | Tensor | None = None) -> Iterator[tuple[Op, Array, Sequence[Array | None]]]:
        """Runs the backward pass, yielding (op, dy, dxs) after each operation, as `Tape.steps` does."""
        result = self.results[0]
        if "second-backward" not in self.mistakes:
            self.arrived = {}
        self.arrived[self.last] = result.output_gradient(dy)
        for op in self.visits():
            dy_op = self.arrived.get(op)
            if dy_op is None:
                continue
            dxs = op.backward(dy_op)
            for x, dx in zip(op.inputs, dxs, strict=True):
                if dx is not None and x.requires_grad:
                    self.arrives(x, dx)
            yield op, dy_op, dxs

    def visits(self) -> list[Op]:
        """The operations, newest first; with "order" as they are found from the result on, first found first."""
        if "order" not in self.mistakes:
            return self[::-1]
        found = [self.last]
        for op in found:
            for x in op.inputs:
                if x.op is not None and x.op not in found:
                    found.append(x.op)
        return found

    def arrives(self, x: Tensor, dx: Array) -> None:
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

    def backward(self, dy: Array | Tensor | None = None) -> None:
        """All steps at once."""
        for _ in self.steps(dy):
            pass


class LabTensor(Tensor):
    """The tensor `y` with a backward() that makes `mistakes`, for a gradient check to find."""

    __slots__ = ("mistakes",)

    def __init__(self, y: Tensor, *mistakes: str) -> None:
        super().__init__(y.data, y.requires_grad)
        self.op, self.mistakes = y.op, mistakes

    def backward(self, grad: Array | Tensor | None = None, retain_graph: bool = True) -> None:
        LabTape(self, *self.mistakes).backward(grad)
