"""`trace`: one image's forward and backward pass through a network, each operation a step to look at."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from time import perf_counter
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ...array_types import IntArray
from ...losses import googlenet_loss
from ...nn.module import Module
from ...nn.places import names, noting_places
from ...op import Op
from ...ops.softmax import CrossEntropy
from ...tape import Tape
from ...tensor import Tensor, is_recording
from ...text import short
from ..rules import function_name
from .receptive_field import receptive_fields
from .step import Step
from .table import HEADING, table
from .undisturbed import undisturbed

T = TypeVar("T")


class Trace(list[Step]):
    """Steps in the order in which they ran: trace[3], trace[3:9], trace["inception3a"], trace.find("pool"), trace.backward."""

    @overload
    def __getitem__(self, key: SupportsIndex) -> Step: ...
    @overload
    def __getitem__(self, key: slice | str) -> "Trace": ...
    def __getitem__(self, key: SupportsIndex | slice | str) -> "Step | Trace":
        if isinstance(key, str):
            return self._named(key)
        return Trace(super().__getitem__(key)) if isinstance(key, slice) else super().__getitem__(key)

    def _named(self, name: str) -> "Trace":
        """The steps of the operation or module `name`, forward and backward; "/" for "." as Caffe and PyTorch's exporter write paths."""
        name = name.replace("/", ".")
        found = Trace(step for step in self if step.name == name or step.name.startswith(name + "."))
        if not found:
            known = list(dict.fromkeys(step.name for step in self))
            near = [each for each in known if each.startswith(name)][:3] or get_close_matches(name, known)
            raise KeyError(f"trace: no step is called {name!r}" + (f", but {', '.join(near)}" if near else ""))
        return found

    def find(self, text: str) -> "Trace":
        """The steps whose name or operation contains `text`, ignoring case."""
        return Trace(step for step in self if text.lower() in f"{step.name} {step.operation}".lower())

    @property
    def forward(self) -> "Trace":
        """The steps of the forward pass."""
        return Trace(step for step in self if step.direction == "forward")

    @property
    def backward(self) -> "Trace":
        """The steps of the backward pass."""
        return Trace(step for step in self if step.direction == "backward")

    @property
    def logits(self) -> Op:
        """The operation that computed the logits of the (main) classifier: what the first loss reads, or else the last one."""
        losses = [step.op for step in self.forward if type(step.op) is CrossEntropy]
        return (losses[0].inputs[0].op if losses else None) or self.forward[-1].op

    def table(self, width: int | None = None) -> str:
        """A line for each step, of at most `width` characters: with fewer columns where there is less room."""
        return table(self, width)

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """For notebooks: the same table with pictures of maps: of the output forward, of its gradient backward."""
        from ...html import block, maps
        from ...html import table as html_table

        shown = [step.output if step.direction == "forward" or step.dy is None else step.dy for step in self]
        rows = [(*step.cells(), maps(array, 4, 24)) for step, array in zip(self, shown, strict=True)]
        return block(html_table((*HEADING, "maps"), rows, right=(0, 5, 6, 8)))


        shown = [step.output if step.direction == "forward" or step.dy is None else step.dy for step in self]
        rows = [(*step.cells(), maps(array, 4, 24)) for step, array in zip(self, shown, strict=True)]
        return block(table((*HEADING, "maps"), rows, right=(0, 5, 6, 8)))


def trace(model: Module, image: ArrayLike | Tensor, label: int | Sequence[int] | IntArray | None = None) -> Trace:
    """A Trace of `model` on `image` [h, w, c] or [n, h, w, c]: the forward pass and, given the `label`, the backward pass.

    `label`: the class, or one for each image; the loss is the cross-entropy, with those of auxiliary heads (`googlenet_loss`). The
    model runs in its current mode and is as before afterwards; no other thread may use it meanwhile. The forward pass runs twice: once to
    find the operations, once one by one."""
    _check(model, label)
    modules = list(model.named_modules())
    x = _input(image, next((parameter.dtype for _, parameter in model.named_parameters()), np.float32))
    with undisturbed(modules):
        with noting_places(modules) as places:
            result = model(x)
        if label is not None:
            result = _loss(result, label)
        tape = Tape(*(result if isinstance(result, tuple) else (result,)))
        of, fields = names(tape, places, function_name), receptive_fields(tape, x)
        steps = Trace()
        for (op, _), ms in _timed(tape.replay()):
            steps.append(Step(op, of[op], len(steps), "forward", ms, fields[op]))
        if label is not None:
            _trace_back(tape, steps)
    return steps


def _trace_back(tape: Tape, steps: Trace) -> None:
    """Runs the backward pass and appends its steps."""
    forward = {step.op: step for step in steps}
    for (op, dy, dxs), ms in _timed(tape.steps()):
        there = forward[op]
        there.dy, there.dxs = dy, dxs
        steps.append(Step(op, there.name, len(steps), "backward", ms, there.receptive_field, dy, dxs))


def _loss(result: Any, label: Any) -> Tensor:
    """The loss of what the model returned."""
    for y in result if isinstance(result, tuple) else (result,):
        if y.ndim != 2:
            raise ValueError(f"trace: `label` is {short(label)}, but the model returns shape {y.shape}: expected logits [n, classes]")
    return googlenet_loss(result, np.atleast_1d(label))


def _check(model: Module, label: Any) -> None:
    if not hasattr(model, "named_modules"):
        raise TypeError(f"trace: `model` is {type(model).__name__}, expected a Module")
    if label is not None and np.asarray(label).dtype.kind not in "iu":
        raise TypeError(f"trace: `label` is {short(label)}, expected an integer, or one for each image")
    if not is_recording():
        raise RuntimeError("trace: a trace is made from the tape, but nothing is recorded under no_grad")


def _input(image: ArrayLike | Tensor, dtype: DTypeLike) -> Tensor:
    """`image` as a tensor [n, h, w, c] that requires a gradient."""
    try:
        x = np.asarray(image.data if isinstance(image, Tensor) else image, dtype)
    except (TypeError, ValueError):
        raise TypeError(f"trace: `image` is {type(image).__name__}, expected an array of numbers") from None
    if x.ndim not in (3, 4):
        raise ValueError(f"trace: `image` has shape {x.shape}, expected [h, w, c] or [n, h, w, c]")
    return Tensor(x if x.ndim == 4 else x[None], requires_grad=True)


def _timed(items: Iterable[T]) -> Iterator[tuple[T, float]]:
    """(item, milliseconds that it took) of each item of a generator."""
    start = perf_counter()
    for item in items:
        yield item, 1000 * (perf_counter() - start)
        start = perf_counter()
