"""What each operation does and why it is there, in a sentence or two, with the numbers of this network."""

from ..rules import has_rule, rule_of
from .nodes import Node, context_of

IMAGE = "What the network sees: the middle square of the image, in the network's size, minus the mean and divided by the deviation."
IMAGE_BACK = "How much the loss would change with each pixel: where it is strong, a small change of the image changes the verdict most."


def about(node: Node, nodes: list[Node]) -> str:
    """What the node does, forward."""
    if node.step is None:
        return IMAGE
    op = node.step.op
    if not has_rule(op):
        return f"{op.name} has no rule in minigoog.inspection: it is shown, but how its numbers came about is not known."
    return rule_of(op).words(op, context_of(node, nodes))


def about_gradient(node: Node) -> str:
    """What the gradient at this node says."""
    return IMAGE_BACK if node.step is None else rule_of(node.step.op).back
