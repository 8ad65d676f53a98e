"""Rows and columns around maps, which the convolution or the pool that reads them may add itself."""

import math

from ... import ops
from ...formats.graph import Node
from ...ops.pad import Pad
from ..attributes import as_integers, integers, text
from ..folding import Constant
from ..pending import Padded
from ..resolver import Resolver, rule
from ..values import Slot, Value, image_map, map_shape
from ..windows import NO_PADS, Pads


def without_padding(x: Value, value: float = 0.0) -> tuple[Value, Pads]:
    """(what a Pad by `value` that nothing else reads pads, how), or the value itself, such as another view of what the Pad makes."""
    pending = x.slot.pending
    if not isinstance(pending, Padded) or x.slot.shared or pending.value != value or x != image_map(x.slot, *x.stored):
        return x, NO_PADS
    return pending.source, pending.pads


@rule("Pad")
def pad(r: Resolver, node: Node) -> Value:
    """Rows and columns around a map; zeros may become the padding of a convolution, and the least numbers that of a max pool."""
    x = r.value(node)
    n, c, h, w = map_shape(x)
    ends = integers(node, "pads") if r.opset < 11 else as_integers(r.constant(node, 1))
    pads, mode = _spatial(ends, r, node), text(node, "mode", "constant")
    value = float(node.attributes.get("value", 0.0)) if r.opset < 11 else _number(r.optional(node, 2))
    if mode not in ("constant", "reflect", "edge"):
        raise ValueError(f"`mode` is {mode[:40]!r}, expected constant, reflect or edge")
    top, left, bottom, right = pads
    shape = (n, h + top + bottom, w + left + right, c)
    if min(pads) < 0:
        return _cut(r, node, x, pads, shape)

    def make() -> int:
        Pad(pads, value, mode).taps((h, w))  # before it runs, errors are those of this node
        slot = r.add(node, ops.pad, [r.image(x)], shape, padding=pads, value=value, mode=mode)
        assert slot.index is not None
        return slot.index

    waits = mode == "constant" and value in (0, -math.inf)
    slot = Slot(pending=Padded(make, x, pads, value)) if waits else Slot(make())
    return image_map(slot, *shape)


def _cut(r: Resolver, node: Node, x: Value, pads: Pads, shape: tuple[int, ...]) -> Value:
    """Negative padding: rows and columns that are left out."""
    if max(pads) > 0 or min(shape[1:3]) < 1:
        raise ValueError(f"pads {pads}, expected all from 0 on, or all up to 0")
    rows, columns = slice(-pads[0], -pads[0] + shape[1]), slice(-pads[1], -pads[1] + shape[2])
    n, h, w, c = shape
    return image_map(r.add(node, ops.index, [r.image(x)], shape, index=(slice(None), rows, columns)), n, h, w, c)


def _number(value: Constant | None) -> float:
    return 0.0 if value is None or not value.size else float(value.ravel()[0])


def _spatial(ends: tuple[int, ...] | None, r: Resolver, node: Node) -> Pads:
    """(top, left, bottom, right) from a list of all starts, then all ends, of the axes given or of all four."""
    axes = as_integers(r.constant(node, 3)) if r.has(node, 3) else (0, 1, 2, 3)
    if ends is None or len(ends) != 2 * len(axes) or max(map(abs, ends), default=0) > 1 << 20:
        raise ValueError(f"pads {ends} for {len(axes)} axes")
    around = {axis % 4: (ends[i], ends[i + len(axes)]) for i, axis in enumerate(axes)}
    if any(around.get(axis, (0, 0)) != (0, 0) for axis in (0, 1)):
        raise ValueError("padding of images or channels is not supported, expected that of rows and columns")
    (top, bottom), (left, right) = around.get(2, (0, 0)), around.get(3, (0, 0))
    return top, left, bottom, right
