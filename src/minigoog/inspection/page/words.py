"""What each operation does and why, in a sentence or two, with the numbers of this network."""

from ..rules import has_rule, rule_of
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
