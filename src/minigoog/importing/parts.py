"""What a network keeps for inputs of all shapes: its constants, and a module for each node that has weights."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..formats.graph import Graph, Node, described
from ..nn import Buffer, Module, Parameter
from ..text import listed, printable, shortened
from .folding import FOLDS, Constant
from .naming import path_of, place
from .patterns import simplified

M = TypeVar("M", bound=Module)

ALLOWED = 1 << 25  # bytes that constants computed here may have, besides eight times the stored ones
SMALL = 1 << 16  # bytes of a constant that is kept though modules hold what they need of it


class Parts:
    """The nodes that depend on the input, the constants that they read, and their modules, which are placed in `root`.

    readers  how often each value is read, as a result too"""

    def __init__(self, graph: Graph, root: Module):
        self.graph, self.root = graph, root
        self.known: dict[str, Constant] = dict(graph.weights)
        self.allowed = ALLOWED + 8 * sum(array.nbytes for array in graph.weights.values())
        self.allowed += 8 * sum(a.nbytes for node in graph.nodes for a in node.attributes.values() if isinstance(a, np.ndarray))
        waiting: list[Node] = []
        folded: list[Node] = []
        for node in graph.nodes:
            (folded if self._folded(node) else waiting).append(node)
        self.nodes = simplified(waiting, self.known, graph.outputs)
        self.readers = Counter(name for node in self.nodes for name in node.inputs) + Counter(graph.outputs)
        for node in folded:
            self.check_read(node, [name for name in node.outputs if name not in self.known])
        self.known = {name: array for name, array in self.known.items() if name in self.readers}
        self.modules: dict[str, Module] = {}
        self.places: dict[str, tuple[Module, str]] = {}
        self.built_from: set[str] = set()
        self.of_size: dict[str, Constant] = {}  # by the name of the result that is computed with it

    def where(self, node: Node) -> str:
        """How messages begin that are about a node."""
        return f"{self.graph.file or 'importing.network'}: {described(node.op, node.name, node.outputs)}"

    def computed(self, node: Node, inputs: list[Constant | None]) -> list[Constant]:
        """The results of an operation on constants; ValueError, naming the node, if it cannot be, or would be too large."""
        try:
            results = FOLDS[node.op](node, inputs, self.graph.opset)
            found = [results] if isinstance(results, np.ndarray) else list(results)
            self.charge(sum(array.nbytes for array in found if array.base is None))
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise ValueError(f"{self.where(node)}: {one_line(error)}") from None
        return found

    def check_read(self, node: Node, unmade: Sequence[str]) -> None:
        """ValueError, naming the node, if one of its results that are not made is read."""
        if wanted := [name for name in unmade if name and self.readers[name]]:
            raise ValueError(f"{self.where(node)}: its result {listed(wanted)} is not supported, expected to be read by nothing")

    def charge(self, size: int) -> None:
        """Counts the bytes of constants, and of modules made from them; ValueError if the file stores too little for as many."""
        self.allowed -= size
        if self.allowed < 0:
            raise ValueError("constants and weights that are computed take too much memory")

    def check_same(self, node: Node, constant: Constant) -> None:
        """ValueError if a constant that was computed from the size of the input was another for the size that the modules were made for."""
        if not np.array_equal(self.of_size.setdefault(node.outputs[0], constant), constant):
            raise ValueError("a constant that is computed from the size of the input, expected one size of input only")

    def module(self, node: Node, weight: str, build: Callable[[], M]) -> M:
        """The module of a node, made from the constant `weight` if this is the first time, and placed by its name."""
        key = node.outputs[0]
        if key not in self.modules:
            self.modules[key] = module = build()
            # by their shapes: to read its array would make a StoredParameter an ordinary one
            own = (part.shape for part in vars(module).values() if isinstance(part, (Parameter, Buffer)))
            self.charge(4 * sum(map(math.prod, own)))
            self.places[key] = place(self.root, path_of(node, weight), module)
            self.built_from |= set(node.inputs)
        made: Any = self.modules[key]
        return made  # type: ignore[no-any-return]

    def replaced(self) -> bool:
        """Whether modules of the network were replaced since the last call, as pruning does; the new ones are taken."""
        now = {key: getattr(parent, name) for key, (parent, name) in self.places.items()}
        is_new = any(now[key] is not module for key, module in self.modules.items())
        self.modules = now
        return is_new

    def forget(self) -> None:
        """Drops constants whose values only modules need; their shapes stay. Others no longer depend on the file."""
        self.graph = replace(self.graph, weights={}, nodes=())
        for name, array in self.known.items():
            if array.nbytes > SMALL and name in self.built_from:
                self.known[name] = np.broadcast_to(np.zeros((), array.dtype), array.shape)
            elif array.base is not None:
                self.known[name] = array.copy() if array.nbytes <= self.allowed else array  # a view of few values may be large

    def _folded(self, node: Node) -> bool:
        """Whether all that a node reads is constant, and so are its results."""
        if node.op not in FOLDS or not all(name in self.known for name in node.inputs if name):
            return False
        results = self.computed(node, [self.known.get(name) for name in node.inputs])
        self.known |= {name: array for name, array in zip(node.outputs, results, strict=False) if name}
        return True


def one_line(error: Exception) -> str:
    """The text of an error for the end of a message."""
    return shortened(printable(" ".join(str(error).split())), 400)
