"""Receptive fields: which pixels of the image a number inside the network can depend on. (Araujo et al., Distill 2019)"""

import math
from typing import NamedTuple

from ...kernels.shapes import conv_shape, pool_shape


class ReceptiveField(NamedTuple):
    """Pixel (i, j) of a map sees `size` pixels of the image from `offset` + (i, j) * `stride` on; each a pair (height, width).

    It may hang over the image's edge, into the padding."""

    size: tuple
    stride: tuple
    offset: tuple

    def __str__(self):
        return "{:g}x{:g}/{:g}".format(*self.size, *self.stride[:1])

    def window(self, i, j, image_size):
        """(rows, columns) of the image, as slices, that pixel (i, j) can depend on."""
        spans = []
        for axis, (position, n) in enumerate(zip((i, j), image_size, strict=True)):
            start = self.offset[axis] + position * self.stride[axis]
            spans.append(slice(max(math.floor(start), 0), min(math.ceil(start + self.size[axis]), n)))
        return tuple(spans)


OWN_PIXEL = ReceptiveField((1, 1), (1, 1), (0, 0))


def receptive_fields(tape, image):
    """{operation: its output's ReceptiveField on the tensor `image`}; None for what does not depend on it, such as made-up weights."""
    fields = {}
    for op in tape:
        seen = [OWN_PIXEL if x is image else fields.get(x.op) for x in op.inputs]
        seen = [field for field in seen if field]
        fields[op] = _through(_union(seen), *_window(op)) if seen else None
    return fields


def _window(op):
    """(kernel, stride, padding), pairs each, of the windows that an operation looks through at its first input."""
    x = op.inputs[0].shape
    if op.name in ("Conv2d", "SparseConv2d"):
        window = {"groups": 1} | {name: value for name, value in op.window.items() if name != "algorithm"}
        s = conv_shape("receptive_fields", x, op.inputs[1].shape if op.name == "Conv2d" else op.pattern.shape, **window)
        return (s.kh, s.kw), s.stride, s.padding
    if op.name in ("MaxPool2d", "AvgPool2d"):
        s = pool_shape("receptive_fields", x, **op.window)
        return (s.kh, s.kw), s.stride, s.padding
    if op.name == "AdaptiveAvgPool2d":
        return tuple(zip(*(_adaptive(n, size) for n, size in zip(x[1:3], op.output_size, strict=True)), strict=True))
    if len(x) == 4 and op.y.ndim < 4:  # the whole map
        return x[1:3], x[1:3], (0, 0)
    return OWN_PIXEL


def _adaptive(n, size):
    """(kernel, stride, padding) of evenly spaced windows that hold those of adaptive pooling, uneven unless `size` divides `n`."""
    longest = max(-(-(i + 1) * n // size) - i * n // size for i in range(size))
    return (longest, n // size, 0) if n % size == 0 else (longest + 1, n / size, 1)


def _through(field, kernel, stride, padding):
    """What is seen through windows on a map whose pixels see `field`."""
    axes = zip(*field, kernel, stride, padding, strict=True)
    sizes = [(size + step * (k - 1), step * s, offset - step * p) for size, step, offset, k, s, p in axes]
    return ReceptiveField(*zip(*sizes, strict=True))


def _union(fields):
    """The field that holds all these, of maps with the same pixels."""
    if len(fields) == 1:
        return fields[0]
    ends = [[offset + size for offset, size in zip(f.offset, f.size, strict=True)] for f in fields]
    offset = tuple(map(min, zip(*(f.offset for f in fields), strict=True)))
    size = tuple(end - start for end, start in zip(map(max, zip(*ends, strict=True)), offset, strict=True))
    return ReceptiveField(size, fields[0].stride, offset)
