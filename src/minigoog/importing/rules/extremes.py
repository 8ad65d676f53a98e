"""The larger or smaller of several values at each place."""

from ... import ops
from ...formats.graph import Node
from ...tensor import Tensor
from ..attributes import float_of
from ..resolver import Resolver, rule
from ..values import Value
from .arithmetic import both


@rule("Max", "Min")
def extreme(r: Resolver, node: Node) -> Value:
    """Of a computed value and a number, or of any number of computed values of one shape."""
    constants = [i for i in range(len(node.inputs)) if r.is_constant(node, i)]
    if len(node.inputs) == 2 and constants:
        limit = float_of(r.constant(node, constants[0]))
        swapped = node._replace(inputs=(node.inputs[1 - constants[0]],))
        return r.elementwise(swapped, ops.clip, **({"low": limit} if node.op == "Max" else {"high": limit}))
    found, function = r.value(node, 0), _larger if node.op == "Max" else _smaller
    for i in range(1, len(node.inputs)):
        other = r.value(node, i)
        if other.shape != found.shape:
            raise ValueError(f"values of shapes {found.shape} and {other.shape}, expected one shape")
        found = both(r, node, function, found, other)
    return found


def _larger(a: Tensor, b: Tensor) -> Tensor:
    """The maximum over windows that hold a value of each."""
    pairs = ops.concat([a.reshape(1, -1), b.reshape(1, -1)]).reshape(1, 2, -1, a.shape[-1])
    return ops.max_pool2d(pairs, (2, 1)).reshape(a.shape)


def _smaller(a: Tensor, b: Tensor) -> Tensor:
    """Minus the larger of the negative values."""
    return ops.neg(_larger(ops.neg(a), ops.neg(b)))
