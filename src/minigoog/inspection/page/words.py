"""What each operation does and why, in a sentence or two, with the numbers of this network."""

from ..rules import has_rule, rule_of
from ..trace.forks import Fork
from .nodes import Node, context_of

IMAGE = "What the network sees: the image, cropped or squeezed to the network's input size, normalised by mean and standard deviation."
IMAGE_BACK = "How much the loss changes with each pixel: where it is large, a small change of the pixel changes the loss most."


def about(node: Node, nodes: list[Node]) -> str:
    """What the node does, forward."""
    if node.step is None:
        return IMAGE
    op = node.step.op
    if not has_rule(op):
        return f"{op.name} has no rule in minigoog.inspection: its output and gradient are shown, but not how they were computed."
    return rule_of(op).words(op, context_of(node, nodes))


def about_gradient(node: Node) -> str:
    """What the gradient at this node means."""
    return IMAGE_BACK if node.step is None else rule_of(node.step.op).words_back(node.step.op)


def about_module(name: str, fork: Fork, nodes: list[Node]) -> str:
    """What a module with branches does, in plain words, with its numbers."""
    start, join, ways = nodes[fork.start], nodes[fork.join], [branch[-1] if branch else fork.start for branch in fork.branches]
    channels = [nodes[way].y.shape[-1] for way in ways]
    n = len(ways)
    if join.step is None or not rule_of(join.step.op).joins:
        return f"{name} adds {n} ways from one map: what it learns is the difference to its input."
    parts = " + ".join(map(str, channels))
    return (f"{name} looks at one map in {n} ways at once and puts the answers side by side: {start.y.shape[-1]} channels go in, {parts} = "
            f"{join.y.shape[-1]} come out. Which window fits, small or large, is left to training.")
