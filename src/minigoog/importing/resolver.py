"""From a graph to the program for inputs of one shape: shapes are numbers here, so what computes shapes is folded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from .. import ops
from ..array_types import Shape
from ..formats.graph import Node
from ..text import listed
from .channels import FIRST, as_it_lies, channel_axis
from .folding import FOLDS, Constant
from .modules import Function
from .parts import Parts, one_line
from .pending import Affine, Vector
from .program import Program
from .values import NHWC, Slot, Value, from_memory, map_shape

Found: TypeAlias = Value | Constant
Rule: TypeAlias = Callable[["Resolver", Node], Found | Sequence[Found]]

RULES: dict[str, Rule] = {}
LEAST_LIMIT, GROWTH, MOST_VALUES = 1 << 27, 1 << 10, (1 << 31) - 1  # of a tensor: in any case, for each value of the input, at most


def rule(*operations: str) -> Callable[[Rule], Rule]:
    """Enters a function into the table of rules: it adds an operation to the program and returns the value, or values, it makes."""

    def entered(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(operations, function))
        return function

    return entered


class Resolver:
    """Goes through the nodes of a graph and writes the program for inputs of these shapes, which are the file's."""

    def __init__(self, parts: Parts, inputs: dict[str, Value]):
        self.parts, self.opset = parts, parts.graph.opset
        self.program = Program([value.stored for value in inputs.values()])
        self.values: dict[str, Found] = dict(parts.known)
        self.channels: dict[str, int] = {}  # of values with four axes, which of them
        self.arrangements: dict[tuple[int, tuple[int, ...], Shape], int] = {}
        self.batch = next(iter(inputs.values())).shape[0] if inputs else 0
        values = sum(math.prod(value.shape) for value in inputs.values())
        self.most = min(max(LEAST_LIMIT, GROWTH * values), MOST_VALUES)
        for name, value in inputs.items():
            self.set(name, value)
            if len(value.shape) == 4:
                self.channels[name] = as_it_lies(value)

    def resolve(self, outputs: Sequence[str]) -> Program:
        """The program that computes these values."""
        for node in self.parts.nodes:
            for name, value in zip(node.outputs, self._results(node), strict=False):
                self.set(name, value)
                if isinstance(value, Value) and len(value.shape) == 4:
                    self.channels[name] = channel_axis(node, value, self.channels)
        self.program.finish([self._result(name) for name in outputs])
        return self.program

    def set(self, name: str, value: Found) -> None:
        """Gives a value its name."""
        self.values[name] = value
        if isinstance(value, Value) and self.parts.readers[name] != 1:
            value.slot.shared = True

    def _results(self, node: Node) -> Sequence[Found]:
        found = [self.values.get(name) for name in node.inputs]
        if node.op in FOLDS and not any(isinstance(value, Value) for value in found):
            results: Sequence[Found] = self.parts.computed(node, cast(list[Constant | None], found))
        else:
            results = self._by_rule(node)
        self.parts.check_read(node, node.outputs[len(results) :])
        return results

    def _by_rule(self, node: Node) -> Sequence[Found]:
        if node.op not in RULES:
            known = ", ".join(sorted({*RULES, "Constant", "ConstantOfShape", "Range"}))
            raise ValueError(f"{self.parts.where(node)}: this operation is not supported, expected one of {known}")
        try:
            results = RULES[node.op](self, node)
        except (ValueError, TypeError, IndexError, OverflowError, NotImplementedError) as error:
            raise ValueError(f"{self.parts.where(node)}: {one_line(error)}") from None
        return [results] if isinstance(results, (Value, np.ndarray)) else results

    def _result(self, name: str) -> int:
        """The number of a result: maps are NHWC, whatever their order in the file and in memory."""
        value = self.values[name]
        if not isinstance(value, Value):
            raise ValueError(f"{self.parts.graph.file}: its output {listed([name])} does not depend on the input")
        own_order = self.channels.get(name) != FIRST
        try:
            return self.arranged(value, [(axis,) for axis in range(len(value.shape))] if own_order else NHWC)
        except ValueError as error:  # of a layer that was pending
            raise ValueError(f"{self.parts.graph.file}: its output {listed([name])}: {one_line(error)}") from None

    # ---- what a node reads ----

    def has(self, node: Node, i: int) -> bool:
        """Whether a node has input `i`."""
        return i < len(node.inputs) and node.inputs[i] != ""

    def value(self, node: Node, i: int = 0) -> Value:
        """Input `i`, which is computed from the network's input."""
        found = self.values[node.inputs[i]] if self.has(node, i) else None
        if not isinstance(found, Value):
            raise ValueError(f"its input {i} is a constant or missing, expected a value that is computed from the network's input")
        return found

    def is_constant(self, node: Node, i: int) -> bool:
        """Whether input `i` is there and constant."""
        return self.has(node, i) and not isinstance(self.values[node.inputs[i]], Value)

    def constant(self, node: Node, i: int) -> Constant:
        """Input `i`, which is stored in the file or computed from what is."""
        found = self.optional(node, i)
        if found is None:
            raise ValueError(f"its input {i} is missing")
        return found

    def optional(self, node: Node, i: int) -> Constant | None:
        """Input `i`, a constant, or None if it is absent."""
        if not self.has(node, i):
            return None
        found = self.values[node.inputs[i]]
        if isinstance(found, Value):
            raise ValueError(f"its input {i} is computed from the network's input, expected a constant")
        return found

    def constants(self, node: Node) -> list[Constant | None]:
        """All inputs but the first, which are constants, with None in the place of the first."""
        return [None, *(self.optional(node, i) for i in range(1, len(node.inputs)))]

    # ---- tensors ----

    def tensor(self, value: Value) -> int:
        """The number of a value's tensor; what was pending becomes a step now."""
        slot = value.slot
        if slot.index is None:
            assert slot.pending is not None
            slot.index = slot.pending.make()
        return slot.index

    def arranged(self, value: Value, groups: Sequence[Sequence[int]]) -> int:
        """The number of a tensor with the values of `value`, whose axes are groups of its axes in the file."""
        index, order, shape = self.tensor(value), value.atoms(groups), value.lengths(groups)
        key = (index, (*order, -1, *value.sizes), shape)
        if key not in self.arrangements:
            moved = index if order == tuple(range(len(order))) else self._moved(index, value, order)
            self.arrangements[key] = self.reshaped(moved, shape)
        return self.arrangements[key]

    def _moved(self, index: int, value: Value, order: tuple[int, ...]) -> int:
        """A step that puts the atoms of a value in this order in memory."""
        *first, groups, channels = (*range(len(order) - 2), *value.sizes[-2:])
        if order == (*first, len(order) - 1, len(order) - 2):
            stored = value.stored if value.stored[-1] == groups * channels else (*value.sizes[:-2], groups * channels)
            return self.program.add(ops.channel_shuffle, [self.reshaped(index, stored)], stored, groups=groups)
        images = (1,) if self.batch == 1 else ()  # one image has no atom, but what goes into a file for any number needs its axis
        index, axes = self.reshaped(index, (*images, *value.sizes)), (*range(len(images)), *(atom + len(images) for atom in order))
        return self.program.add(ops.transpose, [index], (*images, *(value.sizes[atom] for atom in order)), axes=axes)

    def reshaped(self, index: int, shape: Shape) -> int:
        """A tensor in another shape: a step, if that is not its shape already."""
        return index if self.program.shapes[index] == shape else self.program.add(ops.reshape, [index], shape, shape=shape)

    def image(self, value: Value) -> int:
        """The number of a tensor [n, h, w, c] with the values of a map, which is NCHW in the file."""
        map_shape(value)
        return self.arranged(value, NHWC)

    def add(self, node: Node, function: Callable[..., Any], inputs: Sequence[int], shape: Shape, /, **settings: Any) -> Slot:
        """Adds an operation without weights; returns where its result is."""
        module = self.parts.module(node, "", lambda: Function(function))
        return Slot(self.step(module, inputs, shape, **settings))

    def step(self, run: Callable[..., Any], inputs: Sequence[int], shape: Shape, /, **settings: Any) -> int:
        """Adds a step; returns the number of its result."""
        self.check_size(shape)
        return self.program.add(run, inputs, shape, **settings)

    def check_size(self, shape: Shape) -> None:
        """ValueError if a tensor of this shape would be far larger than the input: a few bytes of a file may ask for any."""
        if np.prod(shape, dtype=float) > self.most:
            raise ValueError(f"a result of shape {shape}, expected at most {self.most:,} values for inputs of this size")

    def elementwise(self, node: Node, function: Callable[..., Any], **settings: Any) -> Value:
        """Adds an operation on each value of input 0, in whatever order they are."""
        x = self.value(node)
        return x.at(self.add(node, function, [self.tensor(x)], x.stored, **settings))

    def layer(self, shape: Shape, groups: Sequence[Sequence[int]], finish: Callable[[Vector, Vector | None], int], channels: int) -> Value:
        """The result of a layer that can scale and shift its channels, the last group of axes; `shape` is the file's."""
        slot = Slot(pending=Affine(finish, np.ones(channels), None))
        return from_memory(slot, shape, groups)

    def in_file_order(self, value: Value) -> int:
        """The number of a tensor that lies in memory as the file sees it."""
        return self.arranged(value, [(axis,) for axis in range(len(value.shape))])


