"""From a tape to the calls of a plan, one method for each kind of operation."""

import copy
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from .. import kernels
from .layout import Layout, four, key_of, kind, new_map


class Step(NamedTuple):
    """One call, the layer whose parameters it uses, and what it stands for."""

    name: str
    kind: str
    call: "kernels.native.plan.Call"


def lower(x, ys, names):
    """The steps that compute the tensors `ys` from `x`. names: id of a parameter -> its layer."""
    lowering = _Lowering(Layout(x, ys), names)
    for op in lowering.layout.tape:
        if op in lowering.layout.from_x and op not in lowering.done:
            getattr(lowering, f"lower_{kind(op)}", lowering.lower_anything)(op)
    for i, y in enumerate(ys):
        lowering.lower_output(i, y)
    return lowering.steps


class _Lowering:
    def __init__(self, layout, names):
        self.layout, self.names, self.native = layout, names, kernels.native.plan
        self.steps, self.done = [], set(layout.relus)

    def add(self, op, calls, kind=None, name=None):
        """Appends the calls of `op`, of which all but the last of a group are there to pad."""
        name = self.name(op) if name is None else name
        for call in calls:
            padding = call is not calls[-1] and not call.multiply_adds
            self.steps.append(Step(name, "pad" if padding else kind or op.name, call))

    def name(self, op):
        """The layer that `op` belongs to, if it has parameters."""
        return next((self.names[id(t)] for t in op.inputs if id(t) in self.names), "")

    def lower_anything(self, op):
        """An operation without a kernel that a plan can call: its forward function, between two runs of C."""
        bare = copy.copy(op)
        bare.inputs, bare.y = (), None  # or the whole tape would live as long as the plan
        maps = [self.layout.maps.get(key_of(t)) for t in op.inputs]
        arguments = [(t.data if m is None else self.dense(op, m), t.shape) for m, t in zip(maps, op.inputs, strict=True)]
        self.add(op, self.native.python(bare.forward, arguments, self.layout.output(op), op.y.shape))

    def lower_Dropout(self, op):
        raise NotImplementedError(f"compile: {op.name} in evaluation is random, and a plan is not ({op!r})")

    def lower_Conv2d(self, op):
        together = self.layout.products.get(op, [op])
        maps = [self.layout.output(other) for other in together]
        y = maps[0]._replace(shape=(*maps[0].shape[:3], sum(m.shape[3] for m in maps)))
        w, b = self.weights(together)
        calls = self.native.convolution(self.layout.input(op), w, b, y, relu=self.layout.relu(op), **op.window)
        self.add(op, calls, "Conv2d" + ("+ReLU" if self.layout.relu(op) else ""), _common([self.name(other) for other in together]))
        self.done |= set(together)

    def weights(self, ops):
        """The weights of these operations side by side, and their biases (None if there are none)."""
        for op in ops:
            if any(key_of(t) in self.layout.from_x for t in op.inputs[1:]):
                raise NotImplementedError(f"compile: {op.name} with weights that are computed from the network's input ({op!r})")
        if len(ops) == 1:
            return ops[0].inputs[1].data, ops[0].inputs[2].data if len(ops[0].inputs) > 2 else None
        biases = [op.inputs[2].data if len(op.inputs) > 2 else np.zeros(op.y.shape[-1], np.float32) for op in ops]
        return np.concatenate([op.inputs[1].data for op in ops], axis=-1), np.concatenate(biases)

    def lower_Linear(self, op):
        w, b = self.weights([op])
        calls = self.native.convolution(self.layout.input(op), w[None, None], b, self.layout.output(op), relu=self.layout.relu(op))
        self.add(op, calls, "Linear" + ("+ReLU" if self.layout.relu(op) else ""))

    def lower_MaxPool2d(self, op):
        self.add(op, self.native.max_pool(self.layout.input(op), self.layout.output(op), **op.window))

    def lower_AvgPool2d(self, op):
        self.add(op, self.native.avg_pool(self.layout.input(op), self.layout.output(op), **op.window))

    def lower_GlobalAvgPool2d(self, op):
        x = self.layout.input(op)
        self.add(op, self.native.avg_pool(x, self.layout.output(op), size=x.shape[1:3], stride=None, padding=0))

    def lower_ReLU(self, op):
        self.add(op, self.native.activation("relu", self.layout.input(op), self.layout.output(op)))

    def lower_Add(self, op):
        self.add(op, self.native.add(self.layout.input(op, 0), self.layout.input(op, 1), self.layout.output(op)))

    def lower_Softmax(self, op):
        self.add(op, self.native.softmax(self.dense(op, self.layout.input(op)), self.layout.output(op)))

    def lower_Reshape(self, op):
        self.layout.maps[op] = self.dense(op, self.layout.input(op))._replace(shape=four(op.y.shape), ld=four(op.y.shape)[3])

    def lower_Concat(self, op):
        start = 0
        for i, t in enumerate(op.inputs):
            if self.layout.concat_of(key_of(t)) is not op:
                self.add(op, self.native.copy(self.layout.input(op, i), self.layout.maps[op].channels(start, t.shape[-1])), "copy")
            start += t.shape[-1]

    def dense(self, op, x):
        """`x`, or a copy of it with nothing between its pixels."""
        if x.dense:
            return x
        y = new_map(x.shape)
        self.add(op, self.native.copy(x, y), "copy")
        return y

    def lower_output(self, i, y):
        """Has the last operation write to the output itself; copies where that cannot be."""
        if key_of(y) not in self.layout.from_x:
            raise ValueError(f"compile: output {i} of the model does not depend on its input")
        made = self.layout.maps[key_of(y)]
        if made.whole and made.dense and made.buffer.area == kernels.native.arena.ARENA:
            made.buffer.area = kernels.native.arena.OUTPUT + i
        else:
            self.add(y.op, self.native.copy(made, new_map(made.shape, kernels.native.arena.OUTPUT + i)), "copy", "output")


def _common(names):
    """What several layers are called that run together: the module that they are in, and how many they are."""
    if len(names) == 1:
        return names[0]
    parts = zip(*(name.split(".") for name in names), strict=False)
    common = ".".join(part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts))
    return f"{common} ({len(names)} layers)"
