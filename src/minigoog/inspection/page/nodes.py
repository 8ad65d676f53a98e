"""The nodes of the page's diagram: the image, and every operation that depends on it."""

from typing import NamedTuple

from ...array_types import Array
from ...tensor import Tensor
from ..rules import Context
from ..trace.step import Step
from ..trace.trace import Trace

IMAGE = 0  # the number of its node


class Node(NamedTuple):
    """`inputs`: for each input of the operation the node that made it, or None for a parameter. The image has no `step` and `back`."""

    name: str
    inputs: tuple[int | None, ...]
    y: Array
    dy: Array | None
    step: Step | None = None
    back: Step | None = None


def nodes_of(steps: Trace) -> list[Node]:
    """The Nodes of a Trace, in the order in which they ran. Operations that only compute weights have none."""
    drawn = [step for step in steps.forward if step.receptive_field]
    image = drawn[0].op.inputs[0]
    numbers = {step.op: number for number, step in enumerate(drawn, start=1)}
    back = {step.op: step for step in steps.backward}
    nodes = [Node("image", (), image.data, _image_gradient(steps, image))]
    for step in drawn:
        inputs = tuple(IMAGE if x is image else numbers.get(x.op) if x.op else None for x in step.op.inputs)
        nodes.append(Node(step.name, inputs, step.output, step.dy, step, back.get(step.op)))
    return nodes


def _image_gradient(steps: Trace, image: Tensor) -> Array | None:
    """The sum of the gradients from all operations that read the image; None without a backward pass."""
    sent = [pair for step in steps.backward for pair in zip(step.op.inputs, step.dxs or (), strict=True)]
    parts = [dx for x, dx in sent if x is image and dx is not None]
    return sum(parts[1:], parts[0]) if parts else None


def uses(nodes: list[Node], number: int) -> list[tuple[Node, int]]:
    """(node, which of its inputs) of everything that reads node `number`."""
    return [(node, k) for node in nodes for k, source in enumerate(node.inputs) if source == number]


def context_of(node: Node, nodes: list[Node]) -> Context:
    """The position of a node's operation in the network."""
    number = next(i for i, other in enumerate(nodes) if other is node)
    readers = tuple(user.step.op for user, k in uses(nodes, number) if user.step and k == 0)
    return Context(node.name, node.inputs[0] == IMAGE, readers)
