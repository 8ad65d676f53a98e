"""The tape: the operations that a result came from, oldest first, in a plain list.

It is found, not kept: every operation remembers its input tensors and the moment it ran (`tick`), every tensor the operation
that made it. A tape is collected from a result when it is asked for, and nothing grows until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .array_types import Array

if TYPE_CHECKING:
    from .op import Op
    from .tensor import Tensor


class Tape(list["Op"]):
    """The recorded operations that `results` depend on, a list in the order in which they ran.

    for op in tape: ...                                look at the forward pass: op.inputs, op.y, op.name
    for op, y in tape.replay(): ...                    run the forward pass again, one operation at a time
    for op, dy, dxs in tape.steps(): ...               run the backward pass one operation at a time
    print(tape)                                        one line for each operation
    """

    def __init__(self, *results: Tensor):
        found: set[Op] = set()
        waiting = [result.op for result in results]
        while waiting:  # a stack, not recursion: a network may be thousands of operations deep
            op = waiting.pop()
            if op is None or op in found:
                continue
            if op.freed:
                raise RuntimeError(
                    f"backward: the record of {op.name} was freed by an earlier backward(); run the forward pass again, "
                    f"or say backward(retain_graph=True) the first time"
                )
            found.add(op)
            waiting += [x.op for x in op.inputs]
        super().__init__(sorted(found, key=lambda op: op.tick))
        self.results = results

    def replay(self) -> Iterator[tuple[Op, Array]]:
        """Runs the forward pass again with what is in its leaves now, yielding (op, y) after each operation.

        Dropout drops what it dropped. Every tensor between the operations and each result gets its new array; an operation that
        writes into an array it was given (`out`, as the branches of an Inception module do) writes there again."""
        for op in self:
            for x in op.inputs:
                if x.op is not None:
                    x.data = x.op.y
            yield op, op.run(*(x.data for x in op.inputs))
        for result in self.results:
            if result.op is not None:
                result.data = result.op.y

    def steps(self, dy: Array | Tensor | None = None) -> Iterator[tuple[Op, Array, Sequence[Array | None]]]:
        """Runs the backward pass, yielding (op, dy, dxs) after each operation: the gradient that came in and those that go out.

        dy: the gradient of whatever is differentiated with respect to the (first) result (1 if that is a single value). Gradients of
        leaves (tensors that no operation made and that require one) are added to their `.grad`; the others live only until they are
        used. Raises if what an operation needs has been written to since it ran.
        """
        for op in self:
            op.check_kept()
        result = self.results[0]
        arrived = {result.op: result.output_gradient(dy)}
        owned: set[Op] = set()  # operations whose arrived gradient is a sum made here, which may be added to in place
        for op in reversed(self):
            dy_op = arrived.pop(op, None)
            if dy_op is None:  # the first result does not depend on it, or requires_grad was taken off its output
                continue
            dxs = op.gradients(dy_op)
            for x, dx in zip(op.inputs, dxs, strict=True):
                if dx is None or not x.requires_grad:
                    continue
                if x.op is None:
                    x.grad = dx.copy() if x.grad is None else x.grad + dx
                elif x.op not in arrived:
                    arrived[x.op] = dx
                elif x.op in owned:
                    op.add(arrived[x.op], dx, out=arrived[x.op])
                else:  # what arrived first may be part of another array (concatenation hands out slices)
                    arrived[x.op] = op.add(arrived[x.op], dx)
                    owned.add(x.op)
            yield op, dy_op, dxs

    def __repr__(self) -> str:
        return "\n".join(f"{i:4d}  {op!r}" for i, op in enumerate(self)) or "(an empty tape)"
