"""The larger of several values at each place."""

from ... import ops
from ...formats.graph import Node
from ...tensor import Tensor
from ..resolver import Resolver, rule
from ..values import Value
from .arithmetic import both


@rule("Max")
def largest(r: Resolver, node: Node) -> Value:
    """Of any number of computed values of one shape."""
    found = r.value(node, 0)
    for i in range(1, len(node.inputs)):
        other = r.value(node, i)
        if other.shape != found.shape:
            raise ValueError(f"values of shapes {found.shape} and {other.shape}, expected one shape")
        found = both(r, node, _larger, found, other)
    return found


def _larger(a: Tensor, b: Tensor) -> Tensor:
    """The maximum over windows that hold a value of each."""
    pairs = ops.concat([a.reshape(1, -1), b.reshape(1, -1)]).reshape(1, 2, -1, a.shape[-1])
    return ops.max_pool2d(pairs, (2, 1)).reshape(a.shape)
