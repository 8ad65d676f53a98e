"""From a tape to the calls of a plan: what the rules of all operations (rules.py) share."""

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..locks import new_lock
from ..nn.stored import StoredParameter
from ..op import Key, Op, key_of
from ..tensor import Tensor
from .layout import Layout, Map, new_map

Call: TypeAlias = Any  # kernels.native.plan.Call, which exists only where the C kernels were built


Choice: TypeAlias = tuple[str, str]  # how weights with zeros are multiplied, and why
ALGORITHMS = ("auto", "batch_invariant", "direct")


class Recipe(NamedTuple):
    """The settings of `compile`."""

    shapes: tuple[Shape, ...]
    algorithm: str = "auto"
    tune: bool = False
    sparse: bool = True
    precision: str = "float32"
    calibrate: Array | None = None  # images: scales, how weights are rounded, and the printed errors come from them
    calibrated: bool = False  # whether there were such images; a file does not hold them
    note: str = ""  # what print(plan) says of the precision


class Lowering:
    """The steps of a plan while it is built.

    layout   where each value is
    names    id of a parameter -> its layer
    native   kernels.native.plan: each of its functions makes the calls of one kind of operation
    machine  for which weights are packed
    recipe   the settings of `compile`
    before   choices for weights with zeros that were made before, to be made again
    choices  all choices so far (sparse.py)
    done     operations that an earlier step also computes
    copied   (concatenation, number of its input) of those that a step has copied there
    """

    def __init__(self, layout: Layout, names: dict[int, str], machine: Any, recipe: Recipe, before: Iterable[Choice] = ()):
        self.layout, self.names, self.machine, self.recipe, self.before = layout, names, machine, recipe, iter(before)
        self.choices: list[Choice] = []
        self.native = kernels.native.plan
        self.steps: list[Call] = []
        self.done: set[Key] = set(layout.epilogues.heads)
        self.copied: set[tuple[Op, int]] = set()

    def add(self, op: Op, calls: Sequence[Call], kind: str | None = None, name: str | None = None) -> None:
        """Appends the calls of `op`; in a group, all calls but the last only pad."""
        name, kind = self.name(op) if name is None else name, self.kind(op) if kind is None else kind
        for call in calls:
            padding = call is not calls[-1] and not call.multiply_adds
            self.steps.append(call._replace(name=name, kind="pad" if padding else kind))

    def kind(self, op: Op) -> str:
        """The names of the operations that the call of `op` computes."""
        own = [op.name, "ReLU"] if getattr(op, "relu", False) else [op.name]
        return "+".join([*own, *(other.name for other in self.layout.epilogue(op).ops)])

    def name(self, op: Op) -> str:
        """The layer that `op` belongs to, if it has parameters."""
        return next((self.names[id(t)] for t in op.inputs if id(t) in self.names), "")

    def common_name(self, ops: Sequence[Op]) -> str:
        """The name of several layers that run together: the module that contains them, and their number."""
        names = [self.name(op) for op in ops]
        if len(names) == 1:
            return names[0]
        parts = zip(*(name.split(".") for name in names), strict=False)
        common = ".".join(part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts))
        return f"{common} ({len(names)} layers)"

    def weights(self, ops: Sequence[Op]) -> tuple[Any, Array | None]:
        """The weights (native.Weights) of these operations side by side, and their biases (None if there are none)."""
        for op in ops:
            if any(key_of(t) in self.layout.from_x for t in op.inputs[1:]):
                raise NotImplementedError(f"compile: {op.name} with weights that are computed from the network's input ({op!r})")
        found = [self._scaled(op) for op in ops]
        if len(ops) == 1:
            return found[0]
        biases = [np.zeros(op.y.shape[-1], np.float32) if b is None else b for op, (_, b) in zip(ops, found, strict=True)]
        shape = (*found[0][0].shape[:-1], sum(w.shape[-1] for w, _ in found))

        def part(columns: slice) -> Array:
            array: Array = np.concatenate([w.part(slice(0, w.shape[-1])) for w, _ in found], axis=-1)[..., columns]
            return array

        return self.native.Weights(shape, part), np.concatenate(biases)

    def _scaled(self, op: Op) -> tuple[Any, Array | None]:
        """The weights and the bias of `op`, with the scales and shifts that follow it."""
        w, b = op.inputs[1], op.inputs[2].data if len(op.inputs) > 2 else None
        affines = self.layout.epilogue(op).affines
        if not affines:
            return self.native.Weights(w.shape, partial(_columns, w)), b
        factor, total = np.ones(w.shape[-1]), np.zeros(w.shape[-1]) if b is None else b.astype(np.float64)
        for scale, shift in affines:
            if scale is not None:
                factor, total = factor * scale, total * scale
            if shift is not None:
                total = total + shift


        def part(columns: slice) -> Array:
            return (_columns(w, columns) * factor[columns]).astype(np.float32)

        return self.native.Weights(w.shape, part), total.astype(np.float32)

    def dense(self, op: Op, x: Map) -> Map:
        """`x` if it is dense, else a dense copy."""
        if x.dense:
            return x
        y = new_map(x.shape)
        self.add(op, self.native.copy(x, y), "copy")
        return y

    def in_numpy(self, op: Op) -> None:
        """An operation without a rule: its `forward` runs in Python, between two runs of C."""
        maps = [self.layout.maps.get(key_of(t)) for t in op.inputs]
        arguments = [(t.data.copy() if m is None else self.dense(op, m), t.shape) for m, t in zip(maps, op.inputs, strict=True)]
        self.add(op, self.native.python(_forward_of(op), arguments, self.layout.output(op), op.y.shape))

    def output(self, i: int, y: Tensor) -> None:
        """Makes the last operation write to the output directly, or adds a copy where that is not possible."""
        if key_of(y) not in self.layout.from_x:
            raise ValueError(f"compile: output {i} of the model does not depend on its input")
        made, arena = self.layout.maps[key_of(y)], kernels.native.arena
        if made.whole and made.dense and made.buffer.area == arena.ARENA:
            made.buffer.area = arena.OUTPUT + i
        else:
            calls = self.native.copy(made, new_map(made.shape, arena.OUTPUT + i))
            self.steps += [call._replace(name="output", kind="copy") for call in calls]


def _forward_of(op: Op) -> Callable[..., Array]:
    """What `op` computes in NumPy, for several threads at once."""
    bare = copy.copy(op)
    bare.free()  # otherwise the whole tape would live as long as the plan
    return partial(_alone if type(op).__module__.startswith(f"{__package__.split('.')[0]}.") else _in_turns(), bare)


def _alone(bare: Op, *xs: Array) -> Array:
    """A forward pass on an object of its own."""
    one = copy.copy(bare)
    if isinstance(out := vars(one).get("out"), np.ndarray):  # the model's, to which other threads may be writing
        vars(one)["out"] = np.empty_like(out)
    return one.forward(*xs)


def _in_turns() -> Callable[..., Array]:
    """A forward pass of one thread at a time: operations that are not of this package may keep arrays, and return them."""
    lock = new_lock()

    def forward(bare: Op, *xs: Array) -> Array:
        with lock:
            return np.array(_alone(bare, *xs))

    return forward


def _columns(w: Tensor, columns: slice) -> Array:
    """The weights of these output channels; those that are stored elsewhere are not kept."""
    return w.part(columns) if isinstance(w, StoredParameter) else w.data[..., columns]
