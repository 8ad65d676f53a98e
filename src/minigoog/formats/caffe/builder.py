"""A graph as it grows, layer by layer: Caffe's names of values, and those of the graph."""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from ...text import printable, shortened
from ..graph import FreeShape, Node
from .layers import Layer

MAP = 4  # axes of a map: images, channels, height, width


class Builder:
    """nodes, weights: of the graph.

    current      Caffe's name of a value -> its name in the graph. Layers may write where they read; here each writes a new value
    axes         name of a value -> how many axes it has
    predictions  the values that losses compare with labels"""

    def __init__(self, inputs: dict[str, FreeShape]) -> None:
        self.inputs = inputs
        self.nodes: list[Node] = []
        self.weights: dict[str, NDArray[Any]] = {}
        self.current = {name: name for name in inputs}
        self.axes = {name: len(shape) for name, shape in inputs.items()}
        self.predictions: list[str] = []
        self.read: set[str] = set()

    def value(self, layer: Layer) -> str:
        """The only value that a layer reads."""
        if len(layer.bottoms) != 1:
            layer.refuse(f"reads {len(layer.bottoms)} values, expected 1")
        return self.values(layer)[0]

    def values(self, layer: Layer) -> list[str]:
        """All values that a layer reads."""
        for bottom in layer.bottoms:
            if bottom not in self.current:
                layer.refuse(f"reads `{shortened(printable(bottom), 80)}`, which no layer before it writes")
        found = [self.current[bottom] for bottom in layer.bottoms]
        self.read.update(found)
        return found

    def unread(self) -> list[str]:
        """The values that nothing reads, in the order of the network."""
        return [value for node in self.nodes for value in node.outputs if value not in self.read]

    def node(
        self, layer: Layer, op: str, inputs: Iterable[str], attributes: Mapping[str, Any] = {}, part: str = "", axes: int = 0
    ) -> str:  # fmt: skip  # noqa: B006
        """Adds a node and returns the value that it writes.

        part: of a layer that becomes several nodes, which; "" for the one that writes the layer's value. axes: how many the value has,
        if not as many as the first input."""
        inputs, name = tuple(inputs), f"{layer.name}/{part}" if part else layer.name
        output = self.free(name if part or not layer.tops else layer.tops[0], name)
        self.nodes.append(Node(op, inputs, (output,), attributes, name))
        self.axes[output] = axes or self.axes[inputs[0]]
        self.read.update(inputs)
        return output

    def weight(self, layer: Layer, name: str, array: NDArray[Any]) -> str:
        """Stores an array and returns its name."""
        name = self.free(f"{layer.name}.{name}")
        self.weights[name] = array
        return name

    def per_channel(self, layer: Layer, name: str, array: NDArray[Any], value: str) -> str:
        """Stores an array with a number for each channel of a value, or one for all, in a shape that broadcasts to it."""
        return self.weight(layer, name, array.reshape(-1, 1, 1) if self.axes[value] == MAP else array.reshape(-1))

    def free(self, *wanted: str) -> str:
        """A name that no value has yet: the first of those wanted that is free, else the last one with a number."""
        for name in wanted:
            if name not in self.axes and name not in self.weights:
                return name
        return self.free(*(f"{wanted[-1]}_{i}" for i in range(2, len(self.axes) + len(self.weights) + 3)))
