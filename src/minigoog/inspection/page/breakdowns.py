"""One number of each map, which the page always stores exactly, with everything needed to explain it: the strongest; of the logits that
of the class that is predicted, as a strongly negative logit may be another class's."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ..explain.explanation import Explanation
from .nodes import Node, uses
from .packing import Pack

Facts = dict[str, Any]


def strongest(array: Array) -> Shape:
    """The place of the largest absolute value."""
    return tuple(int(i) for i in np.unravel_index(np.abs(array).argmax(), array.shape))


def forward(pack: Pack, node: Node, at: Shape) -> Facts:
    """How the number at `at` of a node's output was computed."""
    return _facts(at, node.y, _breakdowns(pack, [step.explain for step in (node.step,) if step], at))


def backward(pack: Pack, nodes: list[Node], number: int, dy: Array) -> Facts:
    """How the strongest number of `dy`, the gradient of a node's output, was computed: a breakdown for each operation that read it."""
    at = strongest(dy)
    users = [(user.step, k) for user, k in uses(nodes, number) if user.step and user.step.dxs is not None]
    return _facts(at, dy, _breakdowns(pack, [partial(step.explain_gradient, of=k) for step, k in users], at))


def _breakdowns(pack: Pack, explains: Sequence[Callable[..., Explanation]], at: Shape) -> list[Facts] | None:
    """The explanations of the number at `at`; None if an operation has no rule."""
    try:
        return [_breakdown(pack, explain(*at)) for explain in explains]
    except NotImplementedError:
        return None


def _facts(at: Shape, array: Array, breakdowns: list[Facts] | None) -> Facts:
    """`at` is row, column and channel, as the page counts them."""
    return {"at": ((0, 0, 0) + at[1:])[-3:], "stored": float(array[at]), "breakdowns": breakdowns}


def _breakdown(pack: Pack, breakdown: Explanation) -> Facts:
    factors = {name: pack.add_exact(array) for name, array in breakdown.factors.items()}
    return {"formula": breakdown.formula, "factors": factors, "parts": breakdown.parts,
            "value": breakdown.value, "corner": breakdown.corner}  # fmt: skip
