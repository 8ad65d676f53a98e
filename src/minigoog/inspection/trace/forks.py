"""Where a network forks into branches that meet again, found in its graph."""

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .step import Step

Graph = Sequence[tuple[int, ...]]  # the nodes that each node reads, all before it


def graph_of(steps: Sequence[Step]) -> Graph:
    """The graph of the forward steps that depend on the image. Node 0 is the image, node 1 the first step."""
    image, numbers = steps[0].op.inputs[0], {step.op: number for number, step in enumerate(steps, start=1)}
    read = ([0 if x is image else numbers.get(x.op) if x.op else None for x in step.op.inputs] for step in steps)
    return [(), *(tuple(number for number in each if number is not None) for each in read)]


class Fork(NamedTuple):
    """Branches between the node `start`, which all of them read, and `join`, which reads all of them.

    `branches`: for each input of `join` the nodes of its branch, in order; none where it reads `start` itself."""

    start: int
    join: int
    branches: tuple[tuple[int, ...], ...]

    @property
    def inside(self) -> tuple[int, ...]:
        """All nodes of the branches, and the join."""
        return (*(node for branch in self.branches for node in branch), self.join)


def forks(inputs: Graph, joins: Iterable[int]) -> list[Fork]:
    """The Fork of each of `joins`, those nodes that put branches together, unless branches share nodes, as in a dense block."""
    above = dominators(inputs)
    found = (_fork(inputs, join, above[join]) for join in joins if above[join] is not None)
    return [fork for fork in found if any(fork.branches) and len(set(fork.inside)) == len(fork.inside)]


def outermost(found: Iterable[Fork]) -> list[Fork]:
    """Those forks that are not part of another's branch."""
    found = list(found)
    parts = {node for fork in found for node in fork.inside[:-1]}
    return [fork for fork in found if fork.join not in parts]


def dominators(inputs: Graph) -> list[int | None]:
    """For each node the last one before it that every path to it goes through; None for nodes that read nothing."""
    above: list[int | None] = []
    for read in inputs:
        node = read[0] if read else None
        for other in read[1:]:
            node = _common(above, node, other)
        above.append(node)
    return above


def _common(above: list[int | None], a: int | None, b: int | None) -> int | None:
    """The last node that every path to `a` and every path to `b` goes through."""
    while a != b and a is not None and b is not None:
        a, b = (above[a], b) if a > b else (a, above[b])
    return a if a == b else None


def _fork(inputs: Graph, join: int, start: int | None) -> Fork:
    return Fork(start or 0, join, tuple(_between(inputs, start, end) for end in inputs[join]))


def _between(inputs: Graph, start: int | None, end: int) -> tuple[int, ...]:
    """The nodes on all paths from `start`, left out, to `end`."""
    found: set[int] = set()
    waiting = [end]
    while waiting:
        node = waiting.pop()
        if node != start and node not in found:
            found.add(node)
            waiting += inputs[node]
    return tuple(sorted(found))


def module_name(names: Sequence[str]) -> str:
    """The name of a module by those of its operations, the one that joins its branches last.

    "block_2" for "block_2_expand" and "block_2_add"; "inception3a" if the last is "inception3a_2" because the module has that name."""
    last = re.sub(r"_\d+$", "", names[-1])
    if any(name.startswith(f"{last}.") for name in names[:-1]):
        return last
    start = os.path.commonprefix(names)
    ends = all(re.match(r"[._/:-]", name[len(start) :]) for name in names)
    return (start if ends else re.sub(r"(^|[._/:-]+)[^._/:-]*$", "", start)) or names[-1]
