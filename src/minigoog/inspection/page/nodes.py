"""The nodes of the page's diagram: the image, and every operation that depends on it."""

from typing import NamedTuple

import numpy as np

from ..explain.breakdown import conv_shape_of, pool_shape_of
from ..trace.step import Step

IMAGE = 0  # the number of its node


class Node(NamedTuple):
    """`inputs`: for each input of the operation the node that made it, or None: a parameter. Of the image `step` and `back` are None."""

    name: str
    inputs: tuple
    y: np.ndarray
    dy: np.ndarray | None
    step: Step | None = None
    back: Step | None = None


def nodes_of(steps):
    """The Nodes of a Trace, in the order in which they ran. Operations that only make weights have none."""
    drawn = [step for step in steps.forward if step.receptive_field]
    image = drawn[0].op.inputs[0]
    numbers = {step.op: number for number, step in enumerate(drawn, start=1)}
    back = {step.op: step for step in steps.backward}
    nodes = [Node("image", (), image.data, _image_gradient(steps, image))]
    for step in drawn:
        inputs = tuple(IMAGE if x is image else numbers.get(x.op) for x in step.op.inputs)
        nodes.append(Node(step.name, inputs, step.output, step.dy, step, back.get(step.op)))
    return nodes


def _image_gradient(steps, image):
    """The sum of what all readers of the image send back to it; None without a backward pass."""
    parts = [dx for step in steps.backward for x, dx in zip(step.op.inputs, step.dxs, strict=True) if x is image and dx is not None]
    return sum(parts[1:], parts[0]) if parts else None


def uses(nodes, number):
    """(node, which of its inputs) of everything that reads node `number`."""
    return [(node, k) for node in nodes for k, source in enumerate(node.inputs) if source == number]


def settings(op):
    """What an operation's rule needs besides arrays, as JSON knows it."""
    found = {name: getattr(op, name) for name in ("relu", "p", "factor", "gain", "slope") if hasattr(op, name)}
    if op.name in ("Conv2d", "SparseConv2d"):
        s = conv_shape_of(op)
        return found | {"window": [s.kh, s.kw], "stride": s.stride, "padding": s.padding, "groups": s.groups}
    if op.name in ("MaxPool2d", "AvgPool2d"):
        s = pool_shape_of(op)
        return found | {"window": [s.kh, s.kw], "stride": s.stride, "padding": s.padding}
    if op.name == "CrossEntropy":
        return found | {"label": int(np.asarray(op.labels)[0]), "smoothing": float(op.label_smoothing)}
    return found


def winners(op):
    """Which pixel of its window each number of a max pooling came from: row * width + column within the window, in one byte."""
    s = pool_shape_of(op)
    rows, columns = np.divmod(op.index, s.w)
    rows -= np.arange(s.out_h, dtype=rows.dtype)[:, None, None] * s.stride[0] - s.padding[0]
    columns -= np.arange(s.out_w, dtype=rows.dtype)[:, None] * s.stride[1] - s.padding[1]
    return rows * s.kw + columns
