"""The branches of a network: those of its Inception modules, or of an imported network those that its graph has."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array
from ...nn import Inception, NaiveInception
from ...nn.module import Module
from ...tensor import Tensor
from ..rules import rule_of
from ..trace.forks import Fork, forks, graph_of, module_name, outermost
from ..trace.step import Step
from ..trace.trace import Trace


class Branch(NamedTuple):
    """A branch `name` of `module`, its steps in a Trace, and what to replace to silence it: the forward of `silenced` by `silent`."""

    module: str
    name: str
    steps: Trace
    silenced: Module
    silent: Callable[..., Tensor]


def branches_of(model: Module, steps: Trace) -> list[Branch]:
    """The branches of a network that ran in `steps`; ValueError if it has none."""
    modules = [(name, m) for name, m in model.named_modules() if isinstance(m, (Inception, NaiveInception))]
    found = [branch for name, module in modules for branch in _of_inception(name, module, steps)] or _in_graph(model, steps)
    if not found:
        name = type(model).__name__
        raise ValueError(f"branch_ledger: {name} has no Inception modules, and no other branches that meet in a concatenation")
    return found


@contextmanager
def silence(branch: Branch) -> Iterator[None]:
    """In a with-block, the branch gives zeros."""
    vars(branch.silenced)["forward"] = branch.silent
    try:
        yield
    finally:
        del vars(branch.silenced)["forward"]


# ---- Inception modules of this package ----


def _of_inception(module: str, inception: Module, steps: Trace) -> Iterator[Branch]:
    for name, branch in inception.named_children():
        yield Branch(module, _short(name), steps[f"{module}.{name}"], branch, _zeros)


def _zeros(x: Tensor, out: Array) -> Tensor:
    """In place of a branch, which writes into its slice of the module's output."""
    out[...] = 0
    return Tensor(out)


def _short(name: str) -> str:
    """`1x1` for `branch1x1`; a bare number says too little."""
    short = name.removeprefix("branch").removeprefix("_")
    return name if short.isdigit() else short


# ---- graphs of imported networks ----


def _in_graph(model: Module, steps: Trace) -> list[Branch]:
    """The branches between a value and the concatenation in which all that is made of it meets."""
    drawn, modules = [step for step in steps.forward if step.receptive_field], dict(model.named_modules())
    joins = [i for i, step in enumerate(drawn, start=1) if rule_of(step.op).joins and step.output.ndim == 4 and step.name in modules]
    several = [fork for fork in forks(graph_of(drawn), joins) if sum(map(bool, fork.branches)) > 1]
    return [branch for fork in outermost(several) for branch in _of_fork(fork, drawn, steps, modules)]


def _of_fork(fork: Fork, drawn: Sequence[Step], steps: Trace, modules: dict[str, Module]) -> Iterator[Branch]:
    module, join = module_name([drawn[i - 1].name for i in fork.inside]), modules[drawn[fork.join - 1].name]
    taken: set[str] = set()
    for k, numbers in enumerate(fork.branches):
        if numbers:
            inside = [drawn[i - 1] for i in numbers]
            operations, name = {step.op for step in inside}, _name(module, inside)
            name = f"{name} ({k})" if name in taken else name
            taken.add(name)
            yield Branch(module, name, Trace(step for step in steps if step.op in operations), join, _without(join.forward, k))


def _without(forward: Callable[..., Tensor], k: int) -> Callable[..., Tensor]:
    """A concatenation whose input `k` is zeros."""

    def silent(*xs: Tensor, **settings: Any) -> Tensor:
        return forward(*xs[:k], Tensor(np.zeros_like(xs[k].data)), *xs[k + 1 :], **settings)

    return silent


def _name(module: str, inside: Sequence[Step]) -> str:
    """What the names of a branch's operations share beyond the module's; or else the name of the last operation with weights."""
    names = [step.name.removeprefix(module).lstrip("._/:-") for step in inside]
    shared = {name.partition(".")[0] for name in names}
    last = next((name for name, step in reversed(list(zip(names, inside, strict=True))) if step.parameters), names[-1])
    return _short(shared.pop() if len(shared) == 1 else last.partition(".")[0])
