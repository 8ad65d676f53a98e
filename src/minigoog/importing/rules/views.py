"""Operations that change how a value is seen, and move nothing: shapes, orders of axes, and shapes as numbers."""

from ...array_types import Shape
from ...formats.graph import Node
from ..attributes import as_integers, integer, integers, text
from ..folding import Constant
from ..folding.shapes import completed, flattened, order_of, shape_of, squeezed, unsqueezed
from ..folding.table import axes_of
from ..resolver import Resolver, rule
from ..values import Slot, Value, in_order


def seen_as(r: Resolver, x: Value, shape: Shape) -> Value:
    """A value in another shape; where that is not only another view, it is first put in the order of the file."""
    view = x.reshaped(shape)
    return in_order(Slot(r.reshaped(r.in_file_order(x), shape)), shape) if view is None else view


@rule("Reshape")
def reshape(r: Resolver, node: Node) -> Value:
    """A number of images written into the shape counts as the number of images that there are."""
    x = r.value(node)
    target = integers(node, "shape") or as_integers(r.constant(node, 1))
    first = next(iter(r.parts.graph.inputs.values()), ())
    if target and first and target[0] == first[0] != r.batch and x.shape[:1] == (r.batch,):
        target = (r.batch, *target[1:])
    return seen_as(r, x, completed(target, x.shape, bool(integer(node, "allowzero", 0))))


@rule("Flatten")
def flatten(r: Resolver, node: Node) -> Value:
    """All axes as two."""
    x = r.value(node)
    return seen_as(r, x, flattened(node, x.shape))


@rule("Unsqueeze")
def unsqueeze(r: Resolver, node: Node) -> Value:
    """More axes of length 1."""
    x = r.value(node)
    return seen_as(r, x, unsqueezed(x.shape, axes_of(node, r.constants(node), 1)))


@rule("Squeeze")
def squeeze(r: Resolver, node: Node) -> Value:
    """Fewer axes of length 1."""
    x = r.value(node)
    return seen_as(r, x, squeezed(x.shape, axes_of(node, r.constants(node), 1)))


@rule("Transpose")
def transpose(r: Resolver, node: Node) -> Value:
    """Another order of axes."""
    x = r.value(node)
    return x.transposed(order_of(node, len(x.shape)))


@rule("Shape")
def shape(r: Resolver, node: Node) -> Constant:
    """The lengths of the axes, which are numbers here."""
    return shape_of(node, r.value(node).shape)


@rule("Expand")
def expand(r: Resolver, node: Node) -> Value:
    """A value in the shape that it has already."""
    x, wanted = r.value(node), as_integers(r.constant(node, 1))
    if len(wanted) > len(x.shape) or any(n not in (1, m) for n, m in zip(reversed(wanted), reversed(x.shape), strict=False)):
        raise ValueError(f"shape {wanted} for a value of shape {x.shape}: values are not repeated")
    return x


@rule("DepthToSpace", "SpaceToDepth")
def depth_to_space(r: Resolver, node: Node) -> Value:
    """Channels as pixels, or pixels as channels."""
    x, b = r.value(node), integer(node, "blocksize", 0)
    n, c, h, w = x.shape if len(x.shape) == 4 else (0, 0, 0, 0)
    if not n or b < 1 or (c % (b * b) if node.op == "DepthToSpace" else h % b or w % b):
        raise ValueError(f"`blocksize` is {b} on a value of shape {x.shape}")
    if node.op == "SpaceToDepth":
        axes = (0, 1, 3, 5, 2, 4) if text(node, "mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
        return seen_as(r, seen_as(r, x, (n, c, h // b, b, w // b, b)).transposed(axes), (n, c * b * b, h // b, w // b))
    first, order = ((n, b, b, c // (b * b), h, w), (0, 3, 4, 1, 5, 2)), ((n, c // (b * b), b, b, h, w), (0, 1, 4, 2, 5, 3))
    blocks, axes = order if text(node, "mode", "DCR") == "CRD" else first
    return seen_as(r, seen_as(r, x, blocks).transposed(axes), (n, c // (b * b), h * b, w * b))
