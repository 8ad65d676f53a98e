"""The tape: a list of the operations that computed a result, oldest first.

No global list is kept: every operation stores its input tensors and when it ran (`tick`), and every tensor stores the operation
that made it. A tape is collected from a result on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, SupportsIndex, overload

from .array_types import Array

if TYPE_CHECKING:
    from .op import Op
    from .tensor import Tensor


class Tape(list["Op"]):
    """The recorded operations that `results` depend on, a list in the order in which they ran.

    for op in tape: ...                                look at the forward pass: op.inputs, op.y, op.name
    for op, y in tape.replay(): ...                    run the forward pass again, one operation at a time
    for op, dy, dxs in tape.steps(): ...               run the backward pass one operation at a time
    tape["inception3a.branch1x1"]                      the operations of a layer or module, a list
    print(tape)                                        one line for each operation, with the name of its layer
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
                    f"or call backward(retain_graph=True) the first time"
                )
            found.add(op)
            waiting += [x.op for x in op.inputs]
        super().__init__(sorted(found, key=lambda op: op.tick))
        self.results = results

    def replay(self) -> Iterator[tuple[Op, Array]]:
        """Runs the forward pass again with the current values of its leaves, yielding (op, y) after each operation.

        Dropout uses the same masks. Every intermediate tensor and each result gets its new array; an operation that wrote into a
        given array (`out`, as the branches of an Inception module do) writes there again."""
        for op in self:
            for x in op.inputs:
                if x.op is not None:
                    x.held = x.op.y
            yield op, op.run(*op.arrays(op.inputs))
        for result in self.results:
            if result.op is not None:
                result.held = result.op.y

    def steps(self, dy: Array | Tensor | None = None) -> Iterator[tuple[Op, Array, Sequence[Array | None]]]:
        """Runs the backward pass, yielding (op, dy, dxs) after each operation: the gradient of the output and those of the inputs.

        dy: the gradient with respect to the (first) result (1 if that is a single value). Gradients of leaves (tensors that no operation
        made and that require a gradient) are added to their `.grad`. Raises if an array that an operation needs was overwritten since."""
        return self.backward_steps(dy)

    def backward_steps(
        self, dy: Array | Tensor | None = None, in_place: bool = False
    ) -> Iterator[tuple[Op, Array, Sequence[Array | None]]]:
        """`steps`, for Tensor.backward with `in_place`: an operation may then write over the gradient of its output, and add its own to
        what has arrived at its input, so that `dxs` has the sum: less time and memory. The gradients of leaves have the same bits."""
        for op in self:
            op.check_kept()
        result = self.results[0]
        arrived = {result.op: result.output_gradient(dy)}
        owned: set[Op] = set()  # operations whose gradient is an array that nothing else uses, which may be written to
        for op in reversed(self):
            dy_op = arrived.pop(op, None)
            if dy_op is None:  # the first result does not depend on it, or requires_grad of its output was cleared
                continue
            before = arrived.get(op.inputs[0].op) if in_place and op.adds_up and op.inputs[0].op in owned else None
            dxs, is_new = op.gradients(dy_op, before, overwrite=in_place and op in owned), in_place and op.new_gradients
            for x, dx in zip(op.inputs, dxs, strict=True):
                if dx is None or not x.requires_grad or dx is before:
                    continue
                if x.op is None:
                    x.add_gradient(dx, is_new)
                elif x.op not in arrived:
                    arrived[x.op] = dx
                    if is_new:
                        owned.add(x.op)
                elif x.op in owned:
                    op.add(arrived[x.op], dx, out=arrived[x.op])
                else:  # the first gradient may be that of another tensor too (a sum passes one array on to both)
                    arrived[x.op] = op.add(arrived[x.op], dx)
                    owned.add(x.op)
            yield op, dy_op, dxs
            del dy_op, dxs, dx, before  # their memory serves the next operation

    @overload
    def __getitem__(self, key: SupportsIndex) -> Op: ...
    @overload
    def __getitem__(self, key: slice | str) -> list[Op]: ...
    def __getitem__(self, key: SupportsIndex | slice | str) -> Op | list[Op]:
        if not isinstance(key, str):
            return super().__getitem__(key)
        names = self.names()
        found = [op for op, name in zip(self, names, strict=True) if f"{name}.".startswith(f"{key}.") and key]
        if not found:
            there = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names if name))
            raise KeyError(f"tape: no layer is called {key!r}, but " + (there or "no operation here is the result of a module"))
        return found

    def names(self) -> list[str]:
        """The dotted name of the layer or module whose result each operation is, as in its network; "" for any other operation, and for
        those of a module that is no part of a network here, such as nn.ReLU()(x) within a `forward`."""
        known: dict[int, str] = {}
        for network in (op.network for op in reversed(self) if op.network is not None):
            if id(network) not in known:  # the last network first: what it has as parts is named as there
                for name, module in network.named_modules():
                    known.setdefault(id(module), name)
        return [known.get(id(op.layer), "") for op in self]

    def __repr__(self) -> str:
        names = self.names()
        width = max(map(len, names), default=0)
        named = [f"{name:<{width}}  " if width else "" for name in names]
        return "\n".join(f"{i:4d}  {name}{op!r}" for i, (name, op) in enumerate(zip(named, self, strict=True))) or "(an empty tape)"

    def _repr_html_(self) -> str | None:
        """For notebooks: a row for each operation, with pictures of its maps."""
        return self[0].html_table(self, self.names()) if self else None
