"""What a number is put together from: factors, their products, and what is done with their sum."""

import math
from dataclasses import dataclass, field

import numpy as np

from ...kernels.reference.dropout import random_words, threshold
from ...kernels.shapes import conv_shape, pool_shape


@dataclass
class Breakdown:
    """`formula` in words; `factors`, arrays of one shape by name; `parts`, numbers by name on the way from their products to `value`.

    All is computed in float64. `corner`: the row and column of the input that the patch begins at, maybe in the padding."""

    formula: str
    factors: dict
    value: float
    parts: dict = field(default_factory=dict)
    corner: tuple | None = None

    @property
    def products(self):
        """The factors multiplied with each other, number by number."""
        return math.prod(np.asarray(a, np.float64) for a in self.factors.values())


def add_up(formula, factors, bias=None, relu=False, corner=None):
    """The breakdown of the sum of the factors' products, plus `bias`, and max(0, .) if `relu`."""
    breakdown = Breakdown(formula, factors, 0.0, corner=corner)
    value = float(breakdown.products.sum())
    if breakdown.products.size > 1 or bias is not None:
        breakdown.parts["sum of the products"] = value
    if bias is not None:
        breakdown.parts["bias"] = float(bias)
        value += float(bias)
    if relu:
        breakdown.parts["before ReLU"] = value
        value = max(value, 0.0)
    breakdown.value = value
    return breakdown


def copied(source, value):
    """The breakdown of a number that is another one: `source` says which."""
    return Breakdown(source, {source: np.asarray(value)}, float(value))


def conv_shape_of(op):
    """The ConvShape of a convolution that ran."""
    window = {"groups": 1} | {name: value for name, value in op.window.items() if name != "algorithm"}
    return conv_shape("explain", op.x.shape, weights_of(op).shape, **window)


def weights_of(op):
    """The weights of a convolution, with its zeros if they are sparse: HWIO."""
    return op.w if hasattr(op, "w") else op.pattern.scatter(op.values)


def pool_shape_of(op):
    """The PoolShape of a max or average pooling that ran."""
    return pool_shape("explain", op.inputs[0].shape, **op.window)


def spans(s, i, j):
    """(rows, columns) of the map, as slices, under window (i, j) of pooling `s`."""
    starts = [position * s.stride[axis] - s.padding[axis] for axis, position in enumerate((i, j))]
    ends = [min(start + size, n) for start, size, n in zip(starts, (s.kh, s.kw), (s.h, s.w), strict=True)]
    return tuple(slice(max(start, 0), end) for start, end in zip(starts, ends, strict=True))


def softmax(x):
    """exp(x) / sum(exp(x)) of each row in float64."""
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def targets(op):
    """What cross-entropy compares softmax with: [n, classes], 1 for the label, or with label smoothing something of it for all classes."""
    n, classes = op.inputs[0].shape
    right = np.arange(classes) == np.asarray(op.labels)[:, None]
    return (1 - op.label_smoothing) * right + op.label_smoothing / classes


def kept(op, index):
    """What dropout multiplied the number at `index` with: 0, or 1 / (1 - p)."""
    word = random_words(op.seed, op.offset + int(np.ravel_multi_index(index, op.y.shape)), 1)[0]
    return 1 / (1 - op.p) if word >= threshold(op.p) else 0.0
