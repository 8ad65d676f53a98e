"""Which value of a tape lies in which buffer, chosen so that concatenations and convolutions that share a product copy nothing.

A value is known by its key: the operation that made it, or id(tensor) for the input."""

from collections.abc import Container, Sequence
from itertools import takewhile
from math import prod
from typing import Any, TypeAlias

from .. import kernels
from ..array_types import Shape
from ..checks import pair, sides
from ..op import Key, Op, key_of
from ..ops.concat import Concat
from ..ops.conv import Conv2d
from ..tape import Tape
from ..tensor import Tensor
from .epilogue import Activation, Epilogue, Epilogues

SAME_SETS = 1024  # floats: 64 sets of 64 bytes

Map: TypeAlias = Any  # kernels.native.arena.Map, which exists only where the C kernels were built


class Layout:
    """The maps of the tape of the tensors `ys`, computed from `x`, as far as they are known before any call.
    to_slice: the classes of operations whose calls can write to channels of a wider map.

    tape       its operations, oldest first
    from_x     the keys of all values that depend on x; the others are constants
    maps       key -> Map
    epilogues  what each call also computes
    products   a 1x1 convolution -> all convolutions computed as one product with it, in the order of their columns
    """

    def __init__(self, x: Tensor, ys: Sequence[Tensor], to_slice: Container[type]):
        self.to_slice = to_slice
        self.tape = sorted({op for y in ys for op in Tape(y)}, key=lambda op: op.tick)
        self.from_x = self._computed_from(x)
        self.readers = self._find_readers()
        self.maps: dict[Key, Map] = {id(x): new_map(x.shape, kernels.native.arena.INPUT)}
        results = [key_of(y) for y in ys]
        self.epilogues = Epilogues(self.tape, self.from_x, self.readers, results)
        self.products: dict[Op, list[Op]] = {}
        self.wholes = self._find_wholes()
        self._lay_out_concats()
        self._join_the_rest()

    def input(self, op: Op, i: int = 0) -> Map:
        """The map of an operation's input `i`."""
        key = key_of(op.inputs[i])
        if key not in self.maps:
            raise NotImplementedError(f"compile: {op.name} with an input that is not computed from the network's ({op!r})")
        return self.maps[key]

    def output(self, op: Op) -> Map:
        """The map that `op` writes to: its place in a wider one, or a new one."""
        key = self.value(op)
        if key not in self.maps:
            self.maps[key] = new_map(four(op.y.shape))
        return self.maps[key]

    def value(self, op: Op) -> Op:
        """The key of the value that is in memory after `op`: that of the last operation of its epilogue, if it has one."""
        return self.epilogues.last(op)

    def epilogue(self, op: Op) -> Epilogue:
        """What the call of `op` also computes; a convolution's own ReLU is its activation."""
        if getattr(op, "relu", False):
            return Epilogue(activation=("relu",))
        return self.epilogues.of.get(op, Epilogue())

    def whole(self, concat: Op) -> Op:
        """The concatenation whose first channels are the map of `concat`: of those that begin with the same values the longest, as in
        DenseNet, where each layer reads all before it."""
        return self.wholes.get(concat, concat)

    def concat_of(self, key: Key) -> Op | None:
        """The concatenation into whose map the value `key` can be written directly, or None."""
        concats = [self.whole(op) for op in self.readers.get(key, []) if type(op) is Concat]
        once = [op for op in concats if [key_of(t) for t in op.inputs].count(key) == 1]
        return once[0] if once and type(self.epilogues.head(key)) in self.to_slice and key in self.from_x else None

    def _computed_from(self, x: Tensor) -> set[Key]:
        keys: set[Key] = {id(x)}
        for op in self.tape:
            if any(key_of(t) in keys for t in op.inputs):
                keys.add(op)
        return keys

    def _find_readers(self) -> dict[Key, list[Op]]:
        readers: dict[Key, list[Op]] = {}
        for op in self.tape:
            for t in op.inputs:
                readers.setdefault(key_of(t), []).append(op)
        return readers

    def _pointwise(self, op: Key) -> tuple[Key, Activation | None] | None:
        """(input, activation) of a 1x1 convolution with stride 1, no padding and no groups, which can share a product; else None."""
        if not isinstance(op, Conv2d) or type(op) is not Conv2d or op not in self.from_x:
            return None
        if op.inputs[1].shape[:2] != (1, 1) or op.window["groups"] != 1:
            return None
        window = pair("compile", "stride", op.window["stride"], 1), sides("compile", "padding", op.window["padding"])
        epilogue, plain = self.epilogue(op), window == ((1, 1), (0, 0, 0, 0))
        return (key_of(op.inputs[0]), epilogue.activation) if plain and epilogue.residual is None else None

    def _find_wholes(self) -> dict[Op, Op]:
        """The entries of `whole` for concatenations that are part of another."""
        made = {op: tuple(key_of(t) for t in op.inputs) for op in self.tape if type(op) is Concat and op in self.from_x}
        wholes: dict[Op, Op] = {}
        for op, keys in made.items():
            longer = [other for other, others in made.items() if len(others) > len(keys) and others[: len(keys)] == keys]
            if longer:
                wholes[op] = max(longer, key=lambda other: len(made[other]))
        return wholes

    def _lay_out_concats(self) -> None:
        """Gives every concatenation its map, and those of its inputs that can be written there their slices."""
        for op in reversed(self.tape):  # so that the outer one of nested concatenations is first
            if type(op) is not Concat or op not in self.from_x or op in self.wholes:
                continue
            first = self._first_columns(op)
            beside = [] if op in self.maps else self._beside(first)
            self._join(beside + first)
            if op not in self.maps:
                widths = [other.y.shape[-1] for other in beside]
                wide = wide_map((*four(op.y.shape)[:3], sum(widths) + op.y.shape[-1]))
                self._slice(wide, beside, widths)
                self.maps[op] = wide.channels(sum(widths), op.y.shape[-1])
            self._slice(self.maps[op], [key_of(t) for t in op.inputs], [t.shape[-1] for t in op.inputs], only=op)
        for op, whole in self.wholes.items():
            self.maps[op] = self.maps[whole].channels(0, op.y.shape[-1])

    def _slice(self, whole: Map, keys: Sequence[Key], widths: Sequence[int], only: Op | None = None) -> None:
        """Gives the values `keys` (`only` those that can be written into that concatenation) their channels of the map `whole`."""
        start = 0
        for key, width in zip(keys, widths, strict=True):
            if only is None or self.concat_of(key) is only:
                self.maps[self.value(key) if isinstance(key, Op) else key] = whole.channels(start, width)
            start += width

    def _first_columns(self, concat: Op) -> list[Op]:
        """The 1x1 convolutions on one map that make the first of the concatenated channels."""
        makers = [self.epilogues.head(key_of(t)) for t in concat.inputs]
        shared = self._pointwise(makers[0])
        if shared is None:
            return []
        operations = takewhile(lambda key: self._pointwise(key) == shared, makers)
        concatenated = takewhile(lambda op: self.concat_of(self.value(op)) is concat, operations)  # type: ignore[arg-type]
        return list(concatenated)  # type: ignore[arg-type]

    def _beside(self, first: list[Op]) -> list[Op]:
        """The 1x1 convolutions on the same map that are not concatenated themselves: the reductions."""
        shared = self._pointwise(first[0]) if first else None
        return [op for op in self.tape if shared and self._is_free(op) and self._pointwise(op) == shared]

    def _is_free(self, op: Op) -> bool:
        """Whether `op` is in no product and no concatenation reads it."""
        return op not in self.products and self.concat_of(self.value(op)) is None

    def _join(self, ops: list[Op]) -> None:
        """Marks these 1x1 convolutions, whose maps are neighbours, as one product."""
        if len(ops) > 1:
            self.products |= dict.fromkeys(ops, ops)

    def _join_the_rest(self) -> None:
        """1x1 convolutions on one map, none of them concatenated: their outputs are neighbours in a separate buffer."""
        groups: dict[tuple[Key, Activation | None], list[Op]] = {}
        for op in self.tape:
            shared = self._pointwise(op)
            if shared and self._is_free(op):
                groups.setdefault(shared, []).append(op)
        for ops in groups.values():
            if len(ops) > 1:
                widths = [op.y.shape[-1] for op in ops]
                self._slice(wide_map((*ops[0].y.shape[:3], sum(widths))), ops, widths)
                self._join(ops)


def new_map(shape: Shape, *area: int) -> Map:
    """A map that fills a new buffer, in the arena unless another area is given."""
    return kernels.native.arena.new_map(shape, *area)


def wide_map(shape: Shape) -> Map:
    """A map for values that are slices of its channels. Pixels that are a multiple of SAME_SETS apart would all be in the same sets of a
    first-level cache, which holds 8 of them: a tile reads 14, and took a third longer. So such pixels are a cache line further apart."""
    pad = kernels.native.arena.ALIGNMENT if shape[-1] % SAME_SETS == 0 else 0
    return new_map((*shape[:-1], shape[-1] + pad)).channels(0, shape[-1])


def four(shape: Shape) -> Shape:
    """A shape as (n, h, w, c)."""
    return tuple(shape) if len(shape) == 4 else (prod(shape[:-1]), 1, 1, shape[-1] if shape else 1)
