"""Functions that older files spell out in several nodes, found and replaced by one: hard swish and SiLU."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from ..formats.graph import Node
from .folding import Constant


def simplified(nodes: list[Node], known: Mapping[str, Constant], outputs: Iterable[str]) -> list[Node]:
    """The nodes with x * clip(x + 3, 0, 6) / 6 as one HardSwish, and x * sigmoid(x) as one SiLU, where nothing else reads their parts."""
    finder = _Finder(nodes, known, outputs)
    replaced: dict[str, Node] = {}  # the name of a result -> the node that now makes it
    gone: set[str] = set()
    for node in nodes:
        for op, parts in (("HardSwish", finder.hard_swish(node)), ("SiLU", finder.silu(node))):
            if parts:
                x, inner = parts
                replaced[node.outputs[0]] = Node(op, (x,), node.outputs, {}, node.name)
                gone |= inner
    return [replaced.get(node.outputs[0], node) for node in nodes if node.outputs and node.outputs[0] not in gone]


class _Finder:
    """Looks from a node back to those that make its inputs."""

    def __init__(self, nodes: list[Node], known: Mapping[str, Constant], outputs: Iterable[str]):
        self.known = known
        self.makers = {name: node for node in nodes for name in node.outputs}
        self.readers = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)

    def silu(self, node: Node) -> tuple[str, set[str]] | None:
        """(x, values inside) if the node is x * sigmoid(x)."""
        for x, gate in _both_ways(node, "Mul"):
            inner = self.inner(gate, "Sigmoid")
            if inner and inner.inputs[0] == x:
                return x, {gate}
        return None

    def hard_swish(self, node: Node) -> tuple[str, set[str]] | None:
        """(x, values inside) if the node is x * clip(x + 3, 0, 6) / 6, in either order of product and division."""
        if node.op == "Div" and len(node.inputs) == 2 and self.is_number(node.inputs[1], 6):
            product = self.inner(node.inputs[0], "Mul")
            found = self.product_with_clip(product) if product else None
            return (found[0], found[1] | {node.inputs[0]}) if found else None
        return None

    def product_with_clip(self, node: Node) -> tuple[str, set[str]] | None:
        """(x, values inside) if the node is x * clip(x + 3, 0, 6)."""
        for x, gate in _both_ways(node, "Mul"):
            clip = self.inner(gate, "Clip")
            total = self.inner(clip.inputs[0], "Add") if clip and self.limits(clip) == (0, 6) else None
            if clip and total and any(a == x and self.is_number(b, 3) for a, b in _both_ways(total, "Add")):
                return x, {gate, clip.inputs[0]}
        return None

    def inner(self, name: str, op: str) -> Node | None:
        """The node `op` that makes a value which only one node reads."""
        node = self.makers.get(name)
        return node if node and node.op == op and self.readers[name] == 1 and node.inputs else None

    def is_number(self, name: str, number: float) -> bool:
        """Whether a value is a constant of this one number."""
        array = self.known.get(name)
        return array is not None and array.size == 1 and float(array.ravel()[0]) == number

    def limits(self, clip: Node) -> tuple[float | None, float | None]:
        """The limits of a Clip, from its inputs or its attributes."""
        found = []
        for i, name in ((1, "min"), (2, "max")):
            array = self.known.get(clip.inputs[i]) if i < len(clip.inputs) else clip.attributes.get(name)
            found.append(float(np.ravel(array)[0]) if array is not None and np.size(array) == 1 and not isinstance(array, str) else None)
        return found[0], found[1]


def _both_ways(node: Node, op: str) -> list[tuple[str, str]]:
    """The two inputs of a node `op`, in both orders."""
    if node.op != op or len(node.inputs) != 2:
        return []
    a, b = node.inputs
    return [(a, b), (b, a)]
