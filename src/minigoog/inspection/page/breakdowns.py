"""The one number of each map that the page knows exactly whatever its budget: the strongest, and all that it was put together from."""

import numpy as np

from .nodes import uses


def strongest(array):
    """The place of the largest absolute value."""
    return tuple(int(i) for i in np.unravel_index(np.abs(array).argmax(), array.shape))


def forward(pack, node):
    """How the strongest number of a node's output came about."""
    at = strongest(node.y)
    return _facts(at, node.y, [_breakdown(pack, node.step.explain(*at))])


def backward(pack, nodes, number):
    """How the strongest number of the gradient of a node's output came about: a breakdown for each operation that it went into."""
    at = strongest(nodes[number].dy)
    explanations = [user.step.explain_gradient(*at, of=k) for user, k in uses(nodes, number) if user.step.dxs is not None]
    return _facts(at, nodes[number].dy, [_breakdown(pack, explanation) for explanation in explanations])


def _facts(at, array, breakdowns):
    """`at` is row, column and channel, as the page counts them."""
    return {"at": ((0, 0, 0) + at[1:])[-3:], "stored": float(array[at]), "breakdowns": breakdowns}


def _breakdown(pack, breakdown):
    factors = {name: pack.add_exact(array) for name, array in breakdown.factors.items()}
    return {"formula": breakdown.formula, "factors": factors, "parts": breakdown.parts,
            "value": breakdown.value, "corner": breakdown.corner}  # fmt: skip
