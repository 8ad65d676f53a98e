"""How each operation becomes calls of a plan.

To compile an operation to C, write a function here and add it to RULES under the operation's class. The lookup is by exact class:
operations that are not in the table, including subclasses of those that are, run their own `forward` in NumPy.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..op import Op
from ..ops.arithmetic import Add
from ..ops.concat import Concat
from ..ops.conv import Conv2d
from ..ops.dropout import Dropout
from ..ops.linear import Linear
from ..ops.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ..ops.relu import LeakyReLU, ReLU
from ..ops.reshape import Reshape
from ..ops.softmax import Softmax
from ..tensor import Tensor
from .layout import Layout, four, key_of
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
    how = op.window | ({"algorithm": lowering.algorithm} if op.window["algorithm"] == "auto" else {})
    activation = ("relu",) if layout.relu(op) else None
    calls = lowering.native.convolution(lowering.machine, layout.input(op), w, b, y, activation=activation, **how)
    lowering.add(op, calls, "Conv2d" + ("+ReLU" if layout.relu(op) else ""), lowering.common_name(together))
    lowering.done |= set(together)


def linear(lowering: Lowering, op: Linear) -> None:
    layout = lowering.layout
    w, b = lowering.weights([op])
    activation = ("relu",) if layout.relu(op) else None
    x, y = layout.input(op), layout.output(op)
    calls = lowering.native.convolution(lowering.machine, x, w[None, None], b, y, activation=activation)
    lowering.add(op, calls, "Linear" + ("+ReLU" if layout.relu(op) else ""))


def max_pool2d(lowering: Lowering, op: MaxPool2d) -> None:
    lowering.add(op, lowering.native.max_pool(lowering.layout.input(op), lowering.layout.output(op), **op.window))


def avg_pool2d(lowering: Lowering, op: AvgPool2d) -> None:
    lowering.add(op, lowering.native.avg_pool(lowering.layout.input(op), lowering.layout.output(op), **op.window))


def global_avg_pool2d(lowering: Lowering, op: GlobalAvgPool2d) -> None:
    x = lowering.layout.input(op)
    lowering.add(op, lowering.native.avg_pool(x, lowering.layout.output(op), kernel_size=x.shape[1:3], stride=None, padding=0))


def relu(lowering: Lowering, op: ReLU) -> None:
    lowering.add(op, lowering.native.activation(("relu",), lowering.layout.input(op), lowering.layout.output(op)))


def leaky_relu(lowering: Lowering, op: LeakyReLU) -> None:
    layout = lowering.layout
    lowering.add(op, lowering.native.activation(("leaky_relu", op.negative_slope), layout.input(op), layout.output(op)))


def add(lowering: Lowering, op: Add) -> None:
    layout = lowering.layout
    if op.inputs[0].shape != op.inputs[1].shape:  # broadcast
        lowering.in_numpy(op)
    else:
        lowering.add(op, lowering.native.add(layout.input(op, 0), layout.input(op, 1), layout.output(op)))


def softmax(lowering: Lowering, op: Softmax) -> None:
    lowering.add(op, lowering.native.softmax(lowering.dense(op, lowering.layout.input(op)), lowering.layout.output(op)))


def reshape(lowering: Lowering, op: Reshape) -> None:
    x, shape = lowering.dense(op, lowering.layout.input(op)), four(op.y.shape)
    lowering.layout.maps[op] = x._replace(shape=shape, ld=shape[3])


def concat(lowering: Lowering, op: Concat) -> None:
    layout, start = lowering.layout, 0
    for i, t in enumerate(op.inputs):
        if layout.concat_of(key_of(t)) is not op:  # the others have already written there
            lowering.add(op, lowering.native.copy(layout.input(op, i), layout.maps[op].channels(start, t.shape[-1])), "copy")
        start += t.shape[-1]


def dropout(lowering: Lowering, op: Dropout) -> None:
    raise NotImplementedError(f"compile: {op.name} in evaluation is random, and a plan is not ({op!r})")


RULES: dict[type[Op], Rule] = {
    Add: Rule(add, to_slice=True),
    AvgPool2d: Rule(avg_pool2d, to_slice=True),
    Concat: Rule(concat, to_slice=True),
    Conv2d: Rule(conv2d, to_slice=True),
    Dropout: Rule(dropout, to_slice=False),
    GlobalAvgPool2d: Rule(global_avg_pool2d, to_slice=True),
    LeakyReLU: Rule(leaky_relu, to_slice=True),
    Linear: Rule(linear, to_slice=True),
    MaxPool2d: Rule(max_pool2d, to_slice=True),
    ReLU: Rule(relu, to_slice=True),
    Reshape: Rule(reshape, to_slice=False),
    Softmax: Rule(softmax, to_slice=False),
}


def lower(x: Tensor, ys: Sequence[Tensor], names: dict[int, str], machine: Any, algorithm: str) -> list[Call]:
    """The steps that compute the tensors `ys` from `x` on `machine`. names: id of a parameter -> its layer; algorithm: of convolutions."""
    lowering = Lowering(Layout(x, ys, {kind for kind, rule in RULES.items() if rule.to_slice}), names, machine, algorithm)
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
