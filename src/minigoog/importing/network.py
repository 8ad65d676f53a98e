"""An imported network: a Module whose forward runs the program for its input's shape."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .. import ops
from ..array_types import Shape
from ..formats.graph import NCHW, FreeShape, Graph, Node
from ..nn import Module
from ..tensor import Tensor, check_tensor
from ..text import listed, printable, shortened
from . import rules as _  # noqa: F401  which enters the rules into their table
from .attributes import integer
from .channels import MAPS
from .parts import Parts
from .program import Program
from .resolver import Resolver
from .values import NHWC, Slot, Value, from_memory, in_order

FREE, COLORS = 224, 3  # pixels along a free axis, when the modules are made, and channels that nothing tells
PROGRAMS = 8  # kept, for so many shapes


class _Programs:
    """The parts of a network, and its programs by the shapes of their inputs."""

    def __init__(self, parts: Parts, inputs: dict[str, FreeShape], channels_last: dict[str, bool]):
        self.parts, self.inputs, self.channels_last = parts, inputs, channels_last
        self.made: dict[tuple[tuple[str, ...], tuple[Shape, ...]], Program] = {}

    def of(self, shapes: tuple[Shape, ...], outputs: tuple[str, ...]) -> Program:
        """The program for inputs of these shapes."""
        if len(shapes) != len(self.inputs):
            file, names = self.parts.graph.file or "importing.network", listed(self.inputs)
            only = "" if len(self.inputs) == 1 else " (load, compile and save_onnx take networks with one)"
            raise ValueError(f"{file}: given {len(shapes)} inputs, expected {len(self.inputs)}: {names}{only}")
        key = (outputs, shapes)
        if self.parts.replaced():
            self.made.clear()
        if key not in self.made:
            values = {name: self._value(name, i, shape) for i, (name, shape) in enumerate(zip(self.inputs, shapes, strict=True))}
            with np.errstate(all="ignore"):  # of weights that are not finite, or huge: `load` refuses those
                program = Resolver(self.parts, values).resolve(outputs)
            while len(self.made) >= PROGRAMS:
                self.made.pop(next(iter(self.made)))
            self.made[key] = program
        return self.made[key]

    def _value(self, name: str, i: int, shape: Shape) -> Value:
        """The view of an input: maps are NHWC in memory."""
        if len(shape) != 4 or self.channels_last[name]:
            return in_order(Slot(i), shape)
        n, h, w, c = shape
        return from_memory(Slot(i), (n, c, h, w), NHWC)


class ImportedNetwork(Module):
    """A network from a file. Takes images [n, h, w, c] and returns one result, or a tuple: maps [n, h, w, c], or [n, k].

    input_size     (height, width, channels) of an image; None for an axis of any length
    outputs        the names of the results in the file
    ends_with_softmax  whether the (first) result is a Softmax
    logits         set to True: return what goes into that Softmax instead, of maps of one pixel [n, k]
    metadata       what the file says about itself"""

    def __init__(self, graph: Graph):
        parts = Parts(graph, self)
        read = {name: shape for name, shape in graph.inputs.items() if parts.readers[name]}
        if not read:
            raise ValueError(f"{graph.file or 'importing.network'}: no node reads an input")
        if single := [name for name, shape in read.items() if not shape]:
            raise ValueError(f"{graph.file or 'importing.network'}: its input {listed(single)} is one number, expected an axis of images")
        last = {name: len(shape) == 4 and _is_channels_last(name, shape, parts.nodes) for name, shape in read.items()}
        told = {name: _with_channels(name, shape, last[name], parts) for name, shape in read.items()}
        self._programs = _Programs(parts, {name: _in_our_order(shape, last[name]) for name, shape in told.items()}, last)
        self.outputs, self.metadata, self.logits = graph.outputs, graph.metadata, False
        self.input_size: FreeShape = next(iter(self._programs.inputs.values()))[1:]
        self._before_softmax = _before_softmax(parts.nodes, graph.outputs)
        self.ends_with_softmax = self._before_softmax is not None
        self._programs.of(tuple(_fixed(shape) for shape in self._programs.inputs.values()), self.outputs)  # makes the modules
        parts.forget()
        self.eval()

    def forward(self, *xs: Tensor) -> Tensor | tuple[Tensor, ...]:
        for x, (name, shape) in zip(xs, self._programs.inputs.items(), strict=False):
            _check_input(self._programs.parts.graph.file, name, check_tensor("forward", "x", x).shape, shape)
        results = self._programs.of(tuple(x.shape for x in xs), self._wanted()).run(xs)
        if self.logits and results[0].ndim == 4 and results[0].shape[1:3] == (1, 1):
            results = (ops.flatten(results[0]), *results[1:])
        return results[0] if len(results) == 1 else results

    @property
    def graph(self) -> Graph:
        """What the network was made from, without weights that its modules hold: zeros that take no memory stand for them."""
        parts = self._programs.parts
        return replace(parts.graph, nodes=tuple(parts.nodes), weights=dict(parts.known))

    def output_shapes(self, x: Shape) -> tuple[Shape, ...]:
        """The shapes of the results for an input of this shape."""
        program = self._programs.of((x,), self._wanted())
        return tuple(program.shapes[number] for number in program.outputs)

    def _wanted(self) -> tuple[str, ...]:
        """The values to return."""
        first, before = self.outputs[0], self._before_softmax
        return (before, *self.outputs[1:]) if self.logits and before is not None else (first, *self.outputs[1:])

    def settings(self) -> str:
        return "x".join("?" if n is None else str(n) for n in self.input_size)


def _in_our_order(shape: FreeShape, channels_last: bool) -> FreeShape:
    """The shape of an input, the channels of a map last."""
    return shape if len(shape) != 4 or channels_last else (shape[0], shape[2], shape[3], shape[1])


def _with_channels(name: str, shape: FreeShape, channels_last: bool, parts: Parts) -> FreeShape:
    """The shape of an input in the file; free channels are as many as the first convolution that reads it has weights for."""
    axis = 3 if channels_last else 1
    if len(shape) != 4 or shape[axis] is not None:
        return shape
    first = next((node for node in readers_of(name, parts.nodes) if node.op == "Conv" and node.inputs[1] in parts.known), None)
    channels = COLORS if first is None else parts.known[first.inputs[1]].shape[1] * integer(first, "group", 1)
    return (*shape[:axis], channels, *shape[axis + 1 :])


def _fixed(shape: FreeShape) -> Shape:
    """A shape in which free axes have a length: one image, and so many pixels."""
    return tuple(n or (1 if i == 0 else FREE) for i, n in enumerate(shape))


def _is_channels_last(name: str, shape: FreeShape, nodes: list[Node]) -> bool:
    """Whether an image is NHWC in the file: it reaches a Transpose to NCHW before what needs maps, or only its last axis is short."""
    if any(node.op == "Transpose" and node.attributes.get("perm") == NCHW for node in readers_of(name, nodes)):
        return True
    needs_maps = any(name in node.inputs and node.op in MAPS for node in nodes)  # in the file's usual order
    return shape[3] in (1, 3, 4) and shape[1] is not None and shape[1] not in (1, 3, 4) and not needs_maps


def readers_of(name: str, nodes: list[Node]) -> Iterator[Node]:
    """The nodes that read a value, or what operations that keep its axes make of it; the nearest first."""
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            readers.setdefault(value, []).append(node)
    waiting, seen = deque([name]), {name}
    while waiting:
        for node in readers.get(waiting.popleft(), []):
            yield node
            if node.op in ("Identity", "Cast", "Add", "Sub", "Mul", "Div", "Clip", "Pad"):
                waiting.extend(value for value in node.outputs if value not in seen)
                seen.update(node.outputs)


def _before_softmax(nodes: list[Node], outputs: tuple[str, ...]) -> str | None:
    """The input of the Softmax that makes the first result, if one does."""
    makers, name = {value: node for node in nodes if node.inputs for value in node.outputs}, outputs[0] if outputs else ""
    while name in makers and makers[name].op in ("Identity", "Cast"):
        name = makers[name].inputs[0]
    return makers[name].inputs[0] if name in makers and makers[name].op == "Softmax" else None


def _check_input(file: str, name: str, given: Shape, expected: FreeShape) -> None:
    """ValueError if an input has another shape than the file says; the number of images is free."""
    if len(given) != len(expected) or any(n is not None and n != m for n, m in zip(expected[1:], given[1:], strict=True)):
        wanted = ["n", *("?" if n is None else str(n) for n in expected[1:])][: len(expected)]
        raise ValueError(f"{file or 'forward'}: `{shortened(printable(name), 80)}` has shape {given}, expected [{listed(wanted)}]")
