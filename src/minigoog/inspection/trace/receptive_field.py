"""Receptive fields: which pixels of the image a number inside the network can depend on. (Araujo et al., Distill 2019)"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...array_types import Shape
from ...op import Op
from ...tape import Tape
from ...tensor import Tensor
from ..rules import Window, rule_of

Numbers = tuple[float, float]  # (height, width)


class ReceptiveField(NamedTuple):
    """Pixel (i, j) of a map sees `size` pixels of the image from `offset` + (i, j) * `stride` on; each a pair (height, width).

    It may extend beyond the image, into the padding. With the stride (0, 0) every pixel sees the whole image: an operation on the
    path has no rule that limits it."""

    size: Numbers
    stride: Numbers
    offset: Numbers

    @property
    def is_known(self) -> bool:
        """False if every pixel counts as seeing the whole image, because an operation on the path has no rule."""
        return self.stride != (0, 0)

    def __str__(self) -> str:
        if not self.is_known:
            return "all"
        return "{:g}x{:g}/{:g}".format(*self.size, *self.stride[:1])

    def window(self, i: int, j: int, image_size: Shape) -> tuple[slice, slice]:
        """(rows, columns) of the image, as slices, that pixel (i, j) can depend on."""
        spans = []
        for axis, (position, n) in enumerate(zip((i, j), image_size, strict=True)):
            start = self.offset[axis] + position * self.stride[axis]
            spans.append(slice(max(math.floor(start), 0), min(math.ceil(start + self.size[axis]), n)))
        rows, columns = spans
        return rows, columns


OWN_PIXEL = ReceptiveField((1, 1), (1, 1), (0, 0))


def receptive_fields(tape: Tape, image: Tensor) -> dict[Op, ReceptiveField | None]:
    """{operation: its output's ReceptiveField on the tensor `image`}; None for outputs that do not depend on it, as computed weights."""
    fields: dict[Op, ReceptiveField | None] = {}
    whole = ReceptiveField((image.shape[1], image.shape[2]), (0, 0), (0, 0))
    for op in tape:
        inputs = [OWN_PIXEL if x is image else fields[x.op] if x.op is not None else None for x in op.inputs]
        seen = [field for field in inputs if field]
        window = rule_of(op).window(op) if seen else None
        fields[op] = None if not seen else whole if window is None else _through(_union(seen), window)
    return fields


def _through(field: ReceptiveField, window: Window) -> ReceptiveField:
    """The field of a window on a map whose pixels see `field`."""
    axes = zip(*field, *window, strict=True)
    sizes = [(size + step * (k - 1), step * s, offset - step * p) for size, step, offset, k, s, p in axes]
    return ReceptiveField(*zip(*sizes, strict=True))


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    """The smallest field that contains all these, of maps with the same pixels."""
    for field in fields:
        if len(fields) == 1 or not field.is_known:
            return field
    ends = [[offset + size for offset, size in zip(f.offset, f.size, strict=True)] for f in fields]
    offset = tuple(map(min, zip(*(f.offset for f in fields), strict=True)))
    size = tuple(end - start for end, start in zip(map(max, zip(*ends, strict=True)), offset, strict=True))
    return ReceptiveField(size, fields[0].stride, offset)
