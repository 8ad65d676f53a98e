"""How each operation becomes calls of a plan.

To compile an operation to C, write a function here and add it to RULES under the operation's class. The lookup is by exact class:
operations that are not in the table, including subclasses of those that are, run their own `forward` in NumPy.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..op import Op, key_of
from ..ops.concat import Concat
from ..ops.conv import Conv2d
from ..ops.dropout import Dropout
from ..ops.index import Index
from ..ops.linear import Linear
from ..ops.lrn import LRN
from ..ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ..ops.reshape import Reshape
from ..ops.softmax import Softmax
from ..ops.transpose import ChannelShuffle
from ..tensor import Tensor
from . import sparse
from .epilogue import ACTIVATIONS, AFFINE, affine_of, gate_of, is_gate, is_sum
from .layout import Layout, four
from .lowering import Call, Lowering


class Rule(NamedTuple):
    """lower(lowering, op) adds the calls of `op`; to_slice: they can write to a slice of the channels of a wider map."""

    lower: Callable[[Lowering, Any], None]
    to_slice: bool


def conv2d(lowering: Lowering, op: Conv2d) -> None:
    layout = lowering.layout
    together = layout.products.get(op, [op])
    maps = [layout.output(other) for other in together]
    y = maps[0]._replace(shape=(*maps[0].shape[:3], sum(m.shape[3] for m in maps)))
    w, b = lowering.weights(together)
    how = op.window | ({"algorithm": lowering.recipe.algorithm} if op.window["algorithm"] == "auto" else {})
    calls = sparse.convolution(lowering, layout.input(op), w, b, y, _after(layout, op), how)
    lowering.add(op, calls, None, lowering.common_name(together))
    lowering.done |= set(together)


def linear(lowering: Lowering, op: Linear) -> None:
    layout = lowering.layout
    w, b = lowering.weights([op])
    x, y = layout.input(op), layout.output(op)
    lowering.add(op, sparse.convolution(lowering, x, w._replace(shape=(1, 1, *w.shape)), b, y, _after(layout, op), {}))


def _after(layout: Layout, op: Op) -> dict[str, Any]:
    """The sum and the activation in the epilogue of a convolution or linear layer."""
    epilogue = layout.epilogue(op)
    residual = None if epilogue.residual is None else layout.maps[key_of(epilogue.residual)]
    return {"activation": epilogue.activation, "residual": residual}


def max_pool2d(lowering: Lowering, op: MaxPool2d) -> None:
    lowering.add(op, lowering.native.max_pool(lowering.layout.input(op), lowering.layout.output(op), **op.window))


def avg_pool2d(lowering: Lowering, op: AvgPool2d) -> None:
    lowering.add(op, lowering.native.avg_pool(lowering.layout.input(op), lowering.layout.output(op), **op.window))


def global_avg_pool2d(lowering: Lowering, op: GlobalAvgPool2d) -> None:
    x = lowering.layout.input(op)
    lowering.add(op, lowering.native.avg_pool(x, lowering.layout.output(op), kernel_size=x.shape[1:3], stride=None, padding=0))


def activation(lowering: Lowering, op: Op) -> None:
    layout = lowering.layout
    lowering.add(op, lowering.native.activation(ACTIVATIONS[type(op)](op), layout.input(op), layout.output(op)))


def arithmetic(lowering: Lowering, op: Op) -> None:
    """Sums and products: of two maps, of a map and a gate, or of a map and constants."""
    layout, native = lowering.layout, lowering.native
    then, affine = layout.epilogue(op).activation, affine_of(op, layout.from_x)
    if affine:
        x, scale, shift = affine
        scale = np.ones(x.shape[-1], np.float32) if scale is None else scale
        lowering.add(op, native.affine(layout.maps[key_of(x)], scale, shift, layout.output(op), then))
    elif is_sum(op, layout.from_x):
        lowering.add(op, native.add(layout.input(op, 0), layout.input(op, 1), layout.output(op), then))
    elif is_gate(op, layout.from_x):
        x, gate = (layout.maps[key_of(t)] for t in gate_of(op) or ())
        lowering.add(op, native.affine(x, gate, None, layout.output(op), then))
    else:
        lowering.in_numpy(op)


def index(lowering: Lowering, op: Index) -> None:
    """Some neighbouring channels are a view."""
    shape = op.inputs[0].shape
    channels = channel_slice(op.index, len(shape))
    if channels is None or op.y.shape[:-1] != shape[:-1]:
        lowering.in_numpy(op)
    else:
        lowering.layout.maps[op] = lowering.layout.input(op).channels(channels.indices(shape[-1])[0], op.y.shape[-1])


def channel_slice(index: Any, ndim: int) -> slice | None:
    """The slice of the last axis, if `index` selects nothing else; without steps."""
    parts = index if isinstance(index, tuple) else (index,)
    if not parts or not isinstance(parts[-1], slice) or parts[-1].step not in (None, 1):
        return None
    others = parts[:-1]
    is_whole = len(others) == 1 and others[0] is Ellipsis
    # not others == (slice(None), ...): an array would be compared value by value
    is_whole |= len(others) == ndim - 1 and all(isinstance(part, slice) and part == slice(None) for part in others)
    return parts[-1] if is_whole else None


def channel_shuffle(lowering: Lowering, op: ChannelShuffle) -> None:
    lowering.add(op, lowering.native.channel_shuffle(lowering.layout.input(op), op.groups, lowering.layout.output(op)))


def lrn(lowering: Lowering, op: LRN) -> None:
    x, y = lowering.layout.input(op), lowering.layout.output(op)
    if calls := lowering.native.lrn(x, op.size, op.alpha, op.beta, op.k, y):
        lowering.add(op, calls)
    else:
        lowering.in_numpy(op)


def softmax(lowering: Lowering, op: Softmax) -> None:
    lowering.add(op, lowering.native.softmax(lowering.dense(op, lowering.layout.input(op)), lowering.layout.output(op)))


def reshape(lowering: Lowering, op: Reshape) -> None:
    x, shape = lowering.dense(op, lowering.layout.input(op)), four(op.y.shape)
    lowering.layout.maps[op] = x._replace(shape=shape, ld=shape[3])


def concat(lowering: Lowering, op: Concat) -> None:
    layout, start = lowering.layout, 0
    whole = layout.whole(op)
    for i, t in enumerate(op.inputs):
        written = layout.concat_of(key_of(t)) is whole or (whole, i) in lowering.copied
        if not written:
            lowering.add(op, lowering.native.copy(layout.input(op, i), layout.maps[op].channels(start, t.shape[-1])), "copy")
            lowering.copied.add((whole, i))
        start += t.shape[-1]


def dropout(lowering: Lowering, op: Dropout) -> None:
    raise NotImplementedError(f"compile: {op.name} in evaluation is random, and a plan is not ({op!r})")


RULES: dict[type[Op], Rule] = {
    **{kind: Rule(activation, to_slice=True) for kind in ACTIVATIONS},
    **{kind: Rule(arithmetic, to_slice=True) for kind in AFFINE},
    AvgPool2d: Rule(avg_pool2d, to_slice=True),
    ChannelShuffle: Rule(channel_shuffle, to_slice=True),
    Concat: Rule(concat, to_slice=True),
    Conv2d: Rule(conv2d, to_slice=True),
    Dropout: Rule(dropout, to_slice=False),
    GlobalAvgPool2d: Rule(global_avg_pool2d, to_slice=True),
    Index: Rule(index, to_slice=False),
    LRN: Rule(lrn, to_slice=True),
    Linear: Rule(linear, to_slice=True),
    MaxPool2d: Rule(max_pool2d, to_slice=True),
    Reshape: Rule(reshape, to_slice=False),
    Softmax: Rule(softmax, to_slice=False),
}


def lower(lowering: Lowering, ys: Sequence[Tensor]) -> list[Call]:
    """The steps that compute the tensors `ys` of the lowering's tape."""
    for op in lowering.layout.tape:
        if op in lowering.layout.from_x and op not in lowering.done:
            rule = RULES.get(type(op))
            if rule is None:
                lowering.in_numpy(op)
            else:
                rule.lower(lowering, op)
    for i, y in enumerate(ys):
        lowering.output(i, y)
    return lowering.steps
