"""Random problems for the kernels: shapes that hit edges, and arrays dense or a slice of the channels of a wider map."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from minigoog.checks import output_size

LARGEST = 2e7  # multiply-adds of one case: more takes seconds on the reference kernels

seeds = st.integers(0, 2**32 - 1)
channels = st.one_of(st.integers(1, 9), st.sampled_from([15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65]), st.integers(1, 70))
sizes = st.one_of(st.integers(1, 4), st.integers(1, 20))
batches = st.integers(0, 3)
pads = st.tuples(st.integers(0, 9), st.integers(0, 9))  # channels to the left and right of a slice


def in_wider(a, left, right, fill=np.nan):
    """`a` as a slice of the channels of a wider array, whose other channels are `fill`: NaN, so that reading them shows."""
    if left == right == 0:
        return np.ascontiguousarray(a)
    wide = np.full((*a.shape[:-1], left + a.shape[-1] + right), fill, a.dtype)
    wide[..., left : left + a.shape[-1]] = a
    return wide[..., left : left + a.shape[-1]]


def wide_out(shape, left, right):
    """(whole, slice): an array of -7, and a slice of its channels to write to."""
    whole = np.full((*shape[:-1], left + shape[-1] + right), -7, np.float32)
    return whole, whole[..., left : left + shape[-1]]


def numbers(seed, shape, whole=False):
    """float32: normal, or small whole numbers, on which all arithmetic here is exact."""
    generator = np.random.default_rng(seed)
    return generator.integers(-4, 5, shape).astype(np.float32) if whole else generator.standard_normal(shape, np.float32)


def distinct(seed, shape):
    """float32 without ties: a permutation of 0, 1, 2, ..., around 0."""
    size = int(np.prod(shape))
    return (np.random.default_rng(seed).permutation(size) - size // 2).astype(np.float32).reshape(shape)


@dataclass
class ConvCase:
    """A convolution: arrays in float32, and the settings that all functions take."""

    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None
    dy: np.ndarray
    settings: dict
    relu: bool = False
    out_pads: tuple = (0, 0)

    @property
    def args32(self):
        return self.x, self.w, self.b

    @property
    def args64(self):
        return tuple(None if a is None else a.astype(np.float64) for a in self.args32)

    @property
    def dy64(self):
        return self.dy.astype(np.float64)

    def _repr_pretty_(self, printer, cycle):  # hypothesis would print the arrays
        slices = ", ".join(n for n in ("x", "dy") if not getattr(self, n).flags.c_contiguous) or "none"
        printer.text(f"ConvCase(x={self.x.shape}, w={self.w.shape}, bias={self.b is not None}, dy={self.dy.shape}, "
                     f"{self.settings}, relu={self.relu}, out_pads={self.out_pads}, slices: {slices})")


def conv_case(x_shape, w_shape, *, stride=(1, 1), padding=(0, 0), groups=1, bias=True, relu=False, x_pads=(0, 0), dy_pads=(0, 0),
              out_pads=(0, 0), seed=0, whole=False):
    """The ConvCase of these shapes."""
    out = [output_size("case", "axis", x_shape[1 + i], w_shape[i], stride[i], padding[i]) for i in range(2)]
    x, w, b, dy = (numbers([seed, i], shape, whole)
                   for i, shape in enumerate((x_shape, w_shape, w_shape[3:], (x_shape[0], *out, w_shape[3]))))
    return ConvCase(in_wider(x, *x_pads), w, b if bias else None, in_wider(dy, *dy_pads),
                    {"stride": stride, "padding": padding, "groups": groups}, relu, out_pads)


windows = st.one_of(st.sampled_from([(1, 1), (3, 3), (5, 5)]), st.tuples(st.integers(1, 7), st.integers(1, 7)))
strides = st.one_of(st.just((1, 1)), st.tuples(st.integers(1, 4), st.integers(1, 4)))


@st.composite
def conv_cases(draw, windows=windows, strides=strides, whole=False):
    """Convolutions of every kind: empty batches, windows larger than the map, strides that do not divide, groups, slices."""
    (kh, kw), stride = draw(windows), draw(strides)
    padding = draw(st.tuples(st.integers(0, kh + 1), st.integers(0, kw + 1)))
    n, h, w = draw(batches), draw(sizes), draw(sizes)
    h, w = max(h, kh - 2 * padding[0]), max(w, kw - 2 * padding[1])
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    cin, cout = draw(channels), draw(channels)
    cin, cout = -(-cin // groups) * groups, -(-cout // groups) * groups
    out = [(size + 2 * p - k) // s + 1 for size, p, k, s in zip((h, w), padding, (kh, kw), stride, strict=True)]
    assume(n * out[0] * out[1] * kh * kw * cin * cout < LARGEST)
    no_pads = st.just((0, 0))
    x_pads, dy_pads, out_pads = (draw(st.one_of(no_pads, pads)) for _ in range(3))
    return conv_case((n, h, w, cin), (kh, kw, cin // groups, cout), stride=stride, padding=padding, groups=groups,
                     bias=draw(st.booleans()), relu=draw(st.booleans()), x_pads=x_pads, dy_pads=dy_pads, out_pads=out_pads,
                     seed=draw(seeds), whole=whole)


@dataclass
class PoolCase:
    """A pooling: x without ties, dy, the window and its settings."""

    x: np.ndarray
    dy: np.ndarray
    size: tuple
    settings: dict = field(default_factory=dict)
    out_pads: tuple = (0, 0)

    @property
    def x64(self):
        return self.x.astype(np.float64)

    @property
    def dy64(self):
        return self.dy.astype(np.float64)

    def _repr_pretty_(self, printer, cycle):
        printer.text(f"PoolCase(x={self.x.shape}, strides {self.x.strides}, dy={self.dy.shape}, {self.size}, "
                     f"{self.settings}, {self.out_pads})")


def pool_output(size, k, stride, padding, ceil_mode):
    """Number of windows along an axis, counted one by one; a window of ceil mode begins inside the map or its left padding."""
    n = 0
    while n * stride + k <= size + 2 * padding:
        n += 1
    if ceil_mode and (n - 1) * stride + k < size + 2 * padding and n * stride < size + padding:
        n += 1
    return n


@st.composite
def pool_cases(draw, max_channels=70):
    """Poolings of every kind: ceil mode, padding, windows larger than the map, strides that do not divide or that skip pixels."""
    size = draw(st.one_of(st.sampled_from([(3, 3), (2, 2), (5, 5)]), st.tuples(st.integers(1, 7), st.integers(1, 7))))
    stride = draw(st.one_of(st.just((2, 2)), st.tuples(st.integers(1, 5), st.integers(1, 5))))
    padding = tuple(draw(st.integers(0, k - 1)) for k in size)
    n, h, w, c = draw(batches), draw(sizes), draw(sizes), min(draw(channels), max_channels)
    ceil_mode = draw(st.booleans())
    least = [size[i] - 2 * padding[i] - (stride[i] - 1 if ceil_mode else 0) for i in range(2)]  # the window may exceed the map
    h, w = max(h, least[0]), max(w, least[1])
    out = [pool_output((h, w)[i], size[i], stride[i], padding[i], ceil_mode) for i in range(2)]
    seed = draw(seeds)
    slices = [draw(st.one_of(st.just((0, 0)), pads)) for _ in range(3)]
    return PoolCase(in_wider(distinct(seed, (n, h, w, c)), *slices[0]), in_wider(numbers([seed, 1], (n, *out, c)), *slices[1]),
                    size, {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}, slices[2])
