"""The steps of a network for inputs of one shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..array_types import Shape
from ..tensor import Tensor


class Step(NamedTuple):
    """run(*tensors, **settings) makes tensor number `output` from those numbered `inputs`."""

    run: Callable[..., Any]
    inputs: tuple[int, ...]
    output: int
    settings: dict[str, Any]


@dataclass
class Program:
    """Steps in order. Tensors are numbered: the network's inputs first; `outputs` are the results.

    shapes    of each tensor
    last_use  the step after which nobody reads a tensor"""

    shapes: list[Shape]
    steps: list[Step] = field(default_factory=list)
    outputs: tuple[int, ...] = ()

    def add(self, run: Callable[..., Any], inputs: Sequence[int], shape: Shape, /, **settings: Any) -> int:
        """Appends a step; returns the number of its result, which has this shape."""
        self.steps.append(Step(run, tuple(inputs), len(self.shapes), settings))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def finish(self, outputs: Sequence[int]) -> None:
        """Sets the results, and drops steps on which none of them depends."""
        self.outputs = tuple(outputs)
        needed, kept = set(outputs), []
        for step in reversed(self.steps):
            if step.output in needed:
                needed |= set(step.inputs)
                kept.append(step)
        self.steps = kept[::-1]
        last = {number: i for i, step in enumerate(self.steps) for number in (*step.inputs, step.output)}
        self.unused: list[list[int]] = [[] for _ in self.steps]
        for number, i in last.items():
            if number not in self.outputs:
                self.unused[i].append(number)

    def run(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The results for inputs of the program's shapes. A tensor is dropped as soon as no step needs it."""
        tensors = dict(enumerate(xs))
        for step, unused in zip(self.steps, self.unused, strict=True):
            tensors[step.output] = step.run(*(tensors[number] for number in step.inputs), **step.settings)
            for number in unused:
                del tensors[number]
        return tuple(tensors[number] for number in self.outputs)
