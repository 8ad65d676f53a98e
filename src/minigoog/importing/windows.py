"""Windows of convolutions and pools: padding in all of its notations, and how many windows a map has."""

from typing import NamedTuple

from ..formats.graph import Node
from .attributes import sizes, text

Pair = tuple[int, int]  # (height, width)
Pads = tuple[int, int, int, int]  # top, left, bottom, right
NO_PADS: Pads = (0, 0, 0, 0)


class Window(NamedTuple):
    """The settings of a convolution or pool, for one size of map."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    pads: Pads

    def extent(self, axis: int) -> int:
        """The rows (axis 0) or columns (1) that a window spans."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def windows(self, axis: int, size: int, ceil: bool = False) -> int:
        """The number of windows along an axis; in ceil mode a last one may extend over the end, but starts before it."""
        before, after, step = self.pads[axis], self.pads[axis + 2], self.stride[axis]
        room = size + before + after - self.extent(axis) + (step - 1 if ceil else 0)
        if room < 0:
            raise ValueError(f"a window of {self.extent(axis)} pixels on a map of {size} with {before} and {after} around it")
        n = room // step + 1
        return n - 1 if ceil and (n - 1) * step >= size + before else n

    def padded(self, pads: Pads) -> "Window":
        """The window with more padding."""
        top, left, bottom, right = (a + b for a, b in zip(self.pads, pads, strict=True))
        return self._replace(pads=(top, left, bottom, right))

    def settings(self) -> dict[str, Pair | Pads]:
        """Stride, padding and dilation as arguments of our operations, those that are not the default."""
        found: dict[str, Pair | Pads] = {"stride": self.stride}
        if self.pads != NO_PADS:
            found["padding"] = self.pads[:2] if self.pads[:2] == self.pads[2:] else self.pads
        return found | ({"dilation": self.dilation} if self.dilation != (1, 1) else {})


def window_of(node: Node, size: Pair, kernel: Pair | None = None) -> Window:
    """The window of a node on a map of this size (height, width); `kernel`: of the weights."""
    given = sizes(node, "kernel_shape", kernel or (0, 0), 1)
    if min(given) < 1 or (kernel is not None and given != kernel):
        raise ValueError(f"`kernel_shape` is {given or None}, expected {kernel or 'two integers'}")
    stride, dilation = sizes(node, "strides", (1, 1), 1), sizes(node, "dilations", (1, 1), 1)
    window = Window((given[0], given[1]), (stride[0], stride[1]), (dilation[0], dilation[1]), NO_PADS)
    return window._replace(pads=_pads(node, window, size))


def _pads(node: Node, window: Window, size: Pair) -> Pads:
    how = text(node, "auto_pad", "NOTSET")
    if how == "NOTSET":
        top, left, bottom, right = sizes(node, "pads", NO_PADS, 0)
        return top, left, bottom, right
    if how == "VALID":
        return NO_PADS
    if how not in ("SAME_UPPER", "SAME_LOWER"):
        raise ValueError(f"`auto_pad` is {how[:40]!r}, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    (top, bottom), (left, right) = (_same(window, axis, size[axis], how == "SAME_LOWER") for axis in (0, 1))
    return top, left, bottom, right


def _same(window: Window, axis: int, size: int, before: bool) -> Pair:
    """Padding (before, after) with which there are ceil(size / stride) windows; an odd pixel goes after, or `before`."""
    windows = -(-size // window.stride[axis])
    total = max(0, (windows - 1) * window.stride[axis] + window.extent(axis) - size)
    return (total - total // 2, total // 2) if before else (total // 2, total - total // 2)
