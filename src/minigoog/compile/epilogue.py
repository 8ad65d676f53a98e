"""What one call of a plan computes besides its own operation, because nothing else reads what lies between: an epilogue.

    convolution or linear layer -> scales and shifts of channels -> sum with another map -> activation
    scale and shift, or a sum                                                            -> activation
"""

from collections.abc import Callable, Container, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..array_types import Array
from ..op import Key, Op, key_of
from ..ops.activation import ELU, Clip, HardSigmoid, HardSwish, Sigmoid, SiLU
from ..ops.arithmetic import Add, AddScalar, Multiply, Scale
from ..ops.channel_affine import ChannelAffine
from ..ops.conv import Conv2d
from ..ops.linear import Linear
from ..ops.relu import LeakyReLU, ReLU, Tanh
from ..tensor import Tensor

Activation: TypeAlias = tuple[str, *tuple[float, ...]]  # the name of its kernel and its settings

ACTIVATIONS: dict[type[Op], Callable[[Any], Activation]] = {
    Clip: lambda op: ("clip", op.low, op.high),
    ELU: lambda op: ("elu", op.alpha),
    HardSigmoid: lambda op: ("hard_sigmoid", op.alpha, op.beta),
    HardSwish: lambda op: ("hard_swish",),
    LeakyReLU: lambda op: ("leaky_relu", op.negative_slope),
    ReLU: lambda op: ("relu",),
    Sigmoid: lambda op: ("sigmoid",),
    SiLU: lambda op: ("silu",),
    Tanh: lambda op: ("tanh", op.gain, op.slope),
}
PRODUCTS = (Conv2d, Linear)
AFFINE = (Add, AddScalar, ChannelAffine, Multiply, Scale)


class Epilogue:
    """The operations that a call also computes, in their order."""

    def __init__(self, activation: Activation | None = None) -> None:
        self.ops: list[Op] = []
        self.affines: list[tuple[Array | None, Array | None]] = []  # (scale, shift) of each channel
        self.residual: Tensor | None = None
        self.activation = activation


def affine_of(op: Op, from_x: Container[Key]) -> tuple[Tensor, Array | None, Array | None] | None:
    """(x, scale, shift) if `op` multiplies and shifts each channel of x by constants [c] (None: not); else None."""
    if type(op) not in AFFINE:
        return None
    x = next((t for t in op.inputs if key_of(t) in from_x), op.inputs[0])
    others = [_per_channel(t, x, op) for t in op.inputs if t is not x and key_of(t) not in from_x]
    if len(others) != len(op.inputs) - 1 or any(other is None for other in others) or op.y.shape != x.shape or not x.shape:
        return None
    if isinstance(op, ChannelAffine):  # whose scale or shift may be what is computed
        return (x, others[0], others[1]) if x is op.inputs[0] else None
    if isinstance(op, (AddScalar, Scale)):
        others = [np.full(x.shape[-1], op.number if isinstance(op, AddScalar) else op.factor, np.float32)]
    return (x, None, others[0]) if isinstance(op, (Add, AddScalar)) else (x, others[0], None)


def _per_channel(t: Tensor, x: Tensor, op: Op) -> Array | None:
    """The constant `t` as an array [c], if it is the same for all pixels of `x`."""
    c = x.shape[-1] if x.shape else 1
    if t.data.size not in (1, c) or (t.data.size == c and t.shape[-1:] != (c,)):
        return None
    return np.ascontiguousarray(np.broadcast_to(t.data.reshape(-1), (c,)))


class Epilogues:
    """All epilogues of a tape.

    of     the operation whose call computes it -> its epilogue, if it has one
    heads  an operation in an epilogue -> the operation whose call computes it
    """

    def __init__(self, tape: list[Op], from_x: set[Key], readers: Mapping[Key, list[Op]], results: Container[Key]):
        self.from_x, self.readers, self.results = from_x, readers, results
        self.position: dict[Key, int] = {op: i for i, op in enumerate(tape)}
        self.of: dict[Op, Epilogue] = {}
        self.heads: dict[Key, Op] = {}
        for op in tape:
            if op in from_x and op not in self.heads and self._may_have_one(op):
                self._follow(op)

    def last(self, op: Op) -> Op:
        """The operation whose output is in memory after the call of `op`."""
        return self.of[op].ops[-1] if op in self.of else op

    def head(self, key: Key) -> Key:
        """What computes the value `key`."""
        return self.heads.get(key, key)

    def _may_have_one(self, op: Op) -> bool:
        if type(op) in PRODUCTS:
            return not op.relu and all(key_of(t) not in self.from_x for t in op.inputs[1:])  # type: ignore[attr-defined]
        return is_sum(op, self.from_x) or is_gate(op, self.from_x) or affine_of(op, self.from_x) is not None

    def _follow(self, head: Op) -> None:
        """Gives `head` an epilogue of the operations that follow it."""
        epilogue, last = Epilogue(), head
        while epilogue.activation is None and last not in self.results and len(self.readers.get(last, ())) == 1:
            following = self.readers[last][0]
            if not self._take(head, last, following, epilogue):
                break
            epilogue.ops.append(following)
            self.heads[following] = head
            last = following
        if epilogue.ops:
            self.of[head] = epilogue

    def _take(self, head: Op, last: Op, op: Op, epilogue: Epilogue) -> bool:
        """Adds `op`, which reads `last`, to the epilogue of `head`, if it can."""
        if type(op) in ACTIVATIONS:
            epilogue.activation = ACTIVATIONS[type(op)](op)
            return True
        if type(head) not in PRODUCTS or epilogue.residual is not None:
            return False
        if affine := affine_of(op, self.from_x):
            epilogue.affines.append(affine[1:])
            return True
        if is_sum(op, self.from_x):
            epilogue.residual = next((t for t in op.inputs if key_of(t) is not last and self._exists_before(head, t)), None)
            return epilogue.residual is not None
        return False

    def _exists_before(self, op: Op, t: Tensor) -> bool:
        """Whether the value of `t` is in memory when `op` runs."""
        return key_of(t) in self.from_x and self.position.get(self.head(key_of(t)), -1) < self.position[op]


def is_sum(op: Op, from_x: Container[Key]) -> bool:
    """Whether `op` is the sum of two maps of one shape."""
    return type(op) is Add and op.inputs[0].shape == op.inputs[1].shape and _all_computed(op, from_x)


def is_gate(op: Op, from_x: Container[Key]) -> bool:
    """Whether `op` multiplies each channel of each image's map by a number, as squeeze-excitation does."""
    return type(op) is Multiply and gate_of(op) is not None and _all_computed(op, from_x)


def _all_computed(op: Op, from_x: Container[Key]) -> bool:
    """Whether no input of `op` is a constant, which is in no map."""
    return all(key_of(t) in from_x for t in op.inputs)


def gate_of(op: Op) -> tuple[Tensor, Tensor] | None:
    """(map, factors [n, 1, 1, c]) of such a product."""
    for x, factors in (op.inputs, op.inputs[::-1]):
        if x.ndim == 4 and factors.shape == (x.shape[0], 1, 1, x.shape[3]) and op.y.shape == x.shape:
            return x, factors
    return None
