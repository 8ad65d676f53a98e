"""Which value of a tape lies in which buffer: what makes concatenation, and the convolutions that share a product, free of copies.

A value is known by its key: the operation that made it, or id(tensor) for the input."""

from itertools import takewhile
from math import prod

from .. import kernels
from ..checks import pair
from ..tape import Tape

WRITERS = ("Conv2d", "Linear", "MaxPool2d", "AvgPool2d", "GlobalAvgPool2d", "ReLU", "Add", "Concat")  # what can write to a slice


class Layout:
    """The maps of the tape of the tensors `ys`, computed from `x`, as far as they are known before any call.

    tape       its operations, oldest first
    from_x     the keys of all values that depend on x; the others are constants
    maps       key -> Map
    folded     a convolution or linear layer -> the ReLU that it does too
    products   a 1x1 convolution -> all those that are one product with it, in the order of their columns
    """

    def __init__(self, x, ys):
        self.tape = sorted({op for y in ys for op in Tape(y)}, key=lambda op: op.tick)
        self.from_x = self._computed_from(x)
        self.readers = self._find_readers()
        self.maps = {id(x): new_map(x.shape, kernels.native.arena.INPUT)}
        results = [key_of(y) for y in ys]
        self.folded = {op.inputs[0].op: op for op in self.tape if self._folds(op, results)}
        self.relus = {relu: op for op, relu in self.folded.items()}
        self.products = {}
        self._lay_out_concats()
        self._join_the_rest()

    def input(self, op, i=0):
        """The map of an operation's input `i`."""
        key = key_of(op.inputs[i])
        if key not in self.maps:
            raise NotImplementedError(f"compile: {op.name} with an input that is not computed from the network's ({op!r})")
        return self.maps[key]

    def output(self, op):
        """The map that `op` writes to: its place in a wider one, or a new one."""
        key = self.value(op)
        if key not in self.maps:
            self.maps[key] = new_map(four(op.y.shape))
        return self.maps[key]

    def value(self, op):
        """The key of what is left in memory when `op` is done: where it has a folded ReLU, that of the ReLU."""
        return self.folded.get(op, op)

    def relu(self, op):
        """Whether a convolution or linear layer ends with a ReLU."""
        return op.relu or op in self.folded

    def concat_of(self, key):
        """The concatenation into whose map the value `key` can be written straight away, or None."""
        concats = [op for op in self.readers.get(key, []) if kind(op) == "Concat"]
        once = [op for op in concats if concats.count(op) == 1]
        return once[0] if once and kind(key) in WRITERS and key in self.from_x else None

    def _computed_from(self, x):
        keys = {id(x)}
        for op in self.tape:
            if any(key_of(t) in keys for t in op.inputs):
                keys.add(op)
        return keys

    def _find_readers(self):
        readers = {}
        for op in self.tape:
            for t in op.inputs:
                readers.setdefault(key_of(t), []).append(op)
        return readers

    def _folds(self, op, results):
        """Whether `op` is a ReLU that the convolution or linear layer before it can do, since nobody else sees its output."""
        if kind(op) != "ReLU":
            return False
        before = op.inputs[0].op
        return kind(before) in ("Conv2d", "Linear") and not before.relu and self.readers[before] == [op] and before not in results

    def _pointwise(self, op):
        """(input, relu) of a 1x1 convolution with stride 1, no padding and no groups, which can share a product; else None."""
        if kind(op) != "Conv2d" or op.inputs[1].shape[:2] != (1, 1) or op.window["groups"] != 1 or op not in self.from_x:
            return None
        window = pair("compile", "stride", op.window["stride"], 1), pair("compile", "padding", op.window["padding"], 0)
        return (key_of(op.inputs[0]), self.relu(op)) if window == ((1, 1), (0, 0)) else None

    def _lay_out_concats(self):
        """Gives every concatenation its map, and those of its inputs that can be written there their slices."""
        for op in reversed(self.tape):  # so that the outer one of nested concatenations comes first
            if kind(op) != "Concat" or op not in self.from_x:
                continue
            first = self._first_columns(op)
            beside = [] if op in self.maps else self._beside(first)
            self._join(beside + first)
            if op not in self.maps:
                widths = [other.y.shape[-1] for other in beside]
                wide = new_map((*four(op.y.shape)[:3], sum(widths) + op.y.shape[-1]))
                self._slice(wide, beside, widths)
                self.maps[op] = wide.channels(sum(widths), op.y.shape[-1])
            self._slice(self.maps[op], [key_of(t) for t in op.inputs], [t.shape[-1] for t in op.inputs], only=op)

    def _slice(self, whole, keys, widths, only=None):
        """Gives the values `keys` (`only` those that can be written into that concatenation) their channels of the map `whole`."""
        start = 0
        for key, width in zip(keys, widths, strict=True):
            if only is None or self.concat_of(key) is only:
                self.maps[self.value(key)] = whole.channels(start, width)
            start += width

    def _first_columns(self, concat):
        """The 1x1 convolutions on one map with which the concatenated channels begin."""
        makers = [self.relus.get(key, key) for key in map(key_of, concat.inputs)]
        shared = self._pointwise(makers[0])
        if shared is None:
            return []
        return list(takewhile(lambda op: self._pointwise(op) == shared and self.concat_of(self.value(op)) is concat, makers))

    def _beside(self, first):
        """The 1x1 convolutions on the same map that are not concatenated themselves: the reductions."""
        shared = self._pointwise(first[0]) if first else None
        return [op for op in self.tape if shared and self._is_free(op) and self._pointwise(op) == shared]

    def _is_free(self, op):
        """Whether `op` has no product and no concatenation waits for it."""
        return op not in self.products and self.concat_of(self.value(op)) is None

    def _join(self, ops):
        """Says that these 1x1 convolutions, whose maps are neighbours, are one product."""
        if len(ops) > 1:
            self.products |= dict.fromkeys(ops, ops)

    def _join_the_rest(self):
        """1x1 convolutions on one map beside which nothing is concatenated: neighbours in a buffer of their own."""
        groups = {}
        for op in self.tape:
            if self._is_free(op) and self._pointwise(op):
                groups.setdefault(self._pointwise(op), []).append(op)
        for ops in groups.values():
            if len(ops) > 1:
                widths = [op.y.shape[-1] for op in ops]
                self._slice(new_map((*ops[0].y.shape[:3], sum(widths))), ops, widths)
                self._join(ops)


def new_map(shape, *area):
    """A map that is all of a new buffer, in the arena unless another area is named."""
    return kernels.native.arena.new_map(shape, *area)


def key_of(tensor):
    """The key of a tensor's value."""
    return id(tensor) if tensor.op is None else tensor.op


def kind(key):
    """The kind of the operation that made the value `key`."""
    return type(key).__name__


def four(shape):
    """A shape as (n, h, w, c)."""
    return tuple(shape) if len(shape) == 4 else (prod(shape[:-1]), 1, 1, shape[-1] if shape else 1)
