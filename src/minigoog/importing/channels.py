"""Which axis of a value the file means as its channels. Results are NHWC where it is the first behind the images, as in most files."""

from collections.abc import Mapping

from ..formats.graph import Node
from .attributes import integers
from .values import Value

FIRST, LAST = 1, 3  # of a map [n, c, h, w], and of one [n, h, w, c]
MAPS = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "LRN", "Resize",
        "Upsample", "DepthToSpace", "SpaceToDepth"}  # fmt: skip  # on [n, c, h, w] only
VIEWS = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"}


def channel_axis(node: Node, value: Value, known: Mapping[str, int]) -> int:
    """Of a result of a node; `known`: those of the values so far that have four axes."""
    if node.op in MAPS:
        return FIRST
    before = next((known[name] for name in node.inputs if name in known), None)
    if before is None or node.op in VIEWS:
        return as_it_lies(value)
    if node.op == "Transpose":
        order = [axis % 4 for axis in integers(node, "perm") or (3, 2, 1, 0)]
        return order.index(before)
    return before


def as_it_lies(value: Value) -> int:
    """The axis that is the last in memory, where that is the first behind the images or the last of all."""
    return LAST if value.is_last(LAST) and not value.is_last(FIRST) else FIRST
