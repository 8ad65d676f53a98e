"""The graph while it is made: which values exist, under which names, and in which layout."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..array_types import Array, Shape
from ..formats.graph import NCHW, FreeShape, Node
from ..op import Key, Op, key_of
from ..tensor import Tensor

OLDEST = 13  # opset that every reader in use has


class Value(NamedTuple):
    """A value of the graph: maps are NCHW there. map_of: (h, w, c) of the map whose pixels are this row, channel by channel."""

    name: str
    map_of: Shape | None = None


class Unsupported(ValueError):
    """An operation that has no counterpart in ONNX; the message names it."""


class Writer:
    """Nodes and weights as they are added. A value of the tape is known by its key: the operation that made it, or id(tensor).

    names       operation -> its name, that of its module
    parameters  id of a parameter -> its name
    readers     operation -> those that read its output
    opset       the lowest that has all operations so far"""

    def __init__(self, x: Tensor, ops: Sequence[Op], names: Mapping[Op, str], parameters: Mapping[int, str], results: Mapping[Op, str]):
        self.names, self.parameters, self.results = names, parameters, results
        self.nodes: list[Node] = []
        self.weights: dict[str, NDArray[Any]] = {}
        self.shapes: dict[str, FreeShape] = {}
        self.values: dict[Key, Value] = {id(x): Value("image")}
        self.readers: dict[Key, list[Op]] = {}
        self.opset = OLDEST
        for op in ops:
            for t in op.inputs:
                self.readers.setdefault(key_of(t), []).append(op)

    def depends(self, tensor: Tensor) -> bool:
        """Whether the tensor is computed from the image; else it is a constant of the graph."""
        return key_of(tensor) in self.values

    def value(self, op: Op, i: int = 0) -> Value:
        """The value of an operation's input `i`; a constant becomes a weight, a map [n, h, w, c] as NCHW."""
        tensor = op.inputs[i]
        if self.depends(tensor):
            return self.values[key_of(tensor)]
        return Value(self.weight(op, i, map_layout(op.y.ndim)))

    def plain(self, op: Op, i: int = 0) -> str:
        """The name of an operation's input `i`."""
        return self.value(op, i).name

    def weight(self, op: Op, i: int, layout: Callable[[Array], Array], role: str = "") -> str:
        """The name of the weight made of an operation's constant input `i` in another layout."""
        tensor = op.inputs[i]
        if self.depends(tensor):
            raise Unsupported(f"{self.names[op]} ({op.name}) has weights that are computed from the image")
        name = self.parameters.get(id(tensor)) or f"{self.names[op]}.{role or f'constant{i}'}"
        return self.constant(name, layout(tensor.data))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Stores an array under this name, or under one that is still free; returns that."""
        array, free, n = np.ascontiguousarray(array), name, 1
        while free in self.weights and not same(self.weights[free], array):
            free, n = f"{name}#{n + 1}", n + 1
        self.weights[free] = array.reshape(np.shape(array))
        return free

    def numbers(self, name: str, *values: int) -> str:
        """Stores integers, as the operations of shapes take them."""
        return self.constant(name, np.array(values, np.int64))

    def add(self, op: Op, kind: str, inputs: Sequence[str], part: str = "", shape: FreeShape | None = None, **attributes: Any) -> str:
        """Adds a node; returns the name of its output. part: its name within `op` unless it is the last; shape: if not that of `op`."""
        node = f"{self.names[op]}.{part}" if part else self.names[op]
        name = self.results.get(op, "") if not part else ""
        name = name or (f"{node}.value" if node in self.results.values() else node)  # a result may be called as another value's module
        self.nodes.append(Node(kind, tuple(inputs), (name,), attributes, node))
        self.shapes[name] = file_shape(op.y.shape) if shape is None else shape
        return name

    def add_integers(self, op: Op, kind: str, inputs: Sequence[str], part: str, **attributes: Any) -> str:
        """Adds a node that computes integers, as the operations of shapes take them; returns the name of its output."""
        name = f"{self.names[op]}.{part}"
        self.nodes.append(Node(kind, tuple(inputs), (name,), attributes, name))
        return name

    def done(self, op: Op, kind: str, inputs: Sequence[str], map_of: Shape | None = None, **attributes: Any) -> None:
        """Adds the last node of an operation."""
        self.values[op] = Value(self.add(op, kind, inputs, **attributes), map_of)

    def needs(self, opset: int) -> None:
        """Raises the opset of the graph to one that has an operation."""
        self.opset = max(self.opset, opset)


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays are equal, with type and shape."""
    return a is b or (a.dtype == b.dtype and np.array_equal(a, b))


def file_shape(shape: Shape) -> FreeShape:
    """The shape of a value in the graph: any number of images, maps NCHW."""
    return (None, *(shape[axis] for axis in NCHW[1:])) if len(shape) == 4 else (None, *shape[1:])


def map_layout(ndim: int) -> Callable[[Array], Array]:
    """From an array that broadcasts to a map NHWC to one that broadcasts to a map NCHW; unchanged for other values."""

    def layout(a: Array) -> Array:
        return a.reshape((1,) * (4 - a.ndim) + a.shape).transpose(NCHW) if ndim == 4 and a.ndim else a

    return layout


def oihw(w: Array) -> Array:
    """Weights of a convolution from HWIO."""
    return w.transpose(3, 2, 0, 1)

