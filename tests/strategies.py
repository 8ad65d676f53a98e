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


def conv_case(x_shape, w_shape, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=True, relu=False, x_pads=(0, 0),
              dy_pads=(0, 0), out_pads=(0, 0), seed=0, whole=False):
    """The ConvCase of these shapes."""
    sides = (*padding, *padding)[:4]
    spans = [(w_shape[i] - 1) * dilation[i] + 1 for i in range(2)]
    out = [output_size("case", "axis", x_shape[1 + i], spans[i], stride[i], sides[i], sides[2 + i]) for i in range(2)]
    x, w, b, dy = (numbers([seed, i], shape, whole)
                   for i, shape in enumerate((x_shape, w_shape, w_shape[3:], (x_shape[0], *out, w_shape[3]))))
    return ConvCase(in_wider(x, *x_pads), w, b if bias else None, in_wider(dy, *dy_pads),
                    {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, relu, out_pads)


windows = st.one_of(st.sampled_from([(1, 1), (3, 3), (5, 5)]), st.tuples(st.integers(1, 7), st.integers(1, 7)))
strides = st.one_of(st.just((1, 1)), st.tuples(st.integers(1, 4), st.integers(1, 4)))
dilations = st.one_of(st.just((1, 1)), st.just((1, 1)), st.tuples(st.integers(1, 3), st.integers(1, 3)))


@st.composite
def conv_cases(draw, windows=windows, strides=strides, whole=False, plain=False):
    """Convolutions of every kind: empty batches, windows larger than the map, strides that do not divide, groups, slices.

    plain: opposite sides have the same padding, and windows no gaps."""
    (kh, kw), stride = draw(windows), draw(strides)
    sides = [st.integers(0, kh + 1), st.integers(0, kw + 1)]
    padding = draw(st.tuples(*sides) if plain else st.one_of(st.tuples(*sides), st.tuples(*sides, *sides)))
    dilation = (1, 1) if plain else draw(dilations)
    n, h, w = draw(batches), draw(sizes), draw(sizes)
    top, left, bottom, right = (*padding, *padding)[:4]
    h, w = max(h, (kh - 1) * dilation[0] + 1 - top - bottom), max(w, (kw - 1) * dilation[1] + 1 - left - right)
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    cin, cout = draw(channels), draw(channels)
    cin, cout = -(-cin // groups) * groups, -(-cout // groups) * groups
    assume(n * (h + top + bottom) * (w + left + right) // (stride[0] * stride[1]) * kh * kw * cin * cout < LARGEST)
    no_pads = st.just((0, 0))
    x_pads, dy_pads, out_pads = (draw(st.one_of(no_pads, pads)) for _ in range(3))
    return conv_case((n, h, w, cin), (kh, kw, cin // groups, cout), stride=stride, padding=padding, dilation=dilation, groups=groups,
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
    count_include_pad: bool = False

    @property
    def averages(self):
        """The settings of average pooling."""
        return self.settings | {"count_include_pad": self.count_include_pad}

    @property
    def x64(self):
        return self.x.astype(np.float64)

    @property
    def dy64(self):
        return self.dy.astype(np.float64)

    def _repr_pretty_(self, printer, cycle):
        printer.text(f"PoolCase(x={self.x.shape}, strides {self.x.strides}, dy={self.dy.shape}, {self.size}, "
                     f"{self.averages}, {self.out_pads})")


def pool_output(size, span, stride, before, after, ceil_mode):
    """Number of windows along an axis, counted one by one; a window of ceil mode begins inside the map or the padding before it."""
    n = 0
    while n * stride + span <= before + size + after:
        n += 1
    if ceil_mode and (n - 1) * stride + span < before + size + after and n * stride < size + before:
        n += 1
    return n


def pool_outputs(size, k, stride, padding, dilation, ceil_mode):
    """Number of windows along both axes."""
    sides = (*padding, *padding)[:4]
    return [pool_output(size[i], (k[i] - 1) * dilation[i] + 1, stride[i], sides[i], sides[2 + i], ceil_mode) for i in range(2)]


@st.composite
def pool_cases(draw, max_channels=70):
    """Poolings of every kind: ceil mode, padding, windows larger than the map, strides that do not divide or that skip pixels."""
    size = draw(st.one_of(st.sampled_from([(3, 3), (2, 2), (5, 5)]), st.tuples(st.integers(1, 7), st.integers(1, 7))))
    stride = draw(st.one_of(st.just((2, 2)), st.tuples(st.integers(1, 5), st.integers(1, 5))))
    padding = tuple(draw(st.integers(0, k - 1)) for k in (*size, *size)[: draw(st.sampled_from([2, 4]))])
    dilation = draw(dilations)
    n, h, w, c = draw(batches), draw(sizes), draw(sizes), min(draw(channels), max_channels)
    ceil_mode = draw(st.booleans())
    sides = (*padding, *padding)[:4]
    least = [(size[i] - 1) * dilation[i] + 1 - sides[i] - sides[2 + i] - (stride[i] - 1 if ceil_mode else 0) for i in range(2)]
    h, w = max(h, least[0], dilation[0]), max(w, least[1], dilation[1])  # a window may exceed the map, but not step over it
    out = pool_outputs((h, w), size, stride, padding, dilation, ceil_mode)
    seed = draw(seeds)
    slices = [draw(st.one_of(st.just((0, 0)), pads)) for _ in range(3)]
    return PoolCase(in_wider(distinct(seed, (n, h, w, c)), *slices[0]), in_wider(numbers([seed, 1], (n, *out, c)), *slices[1]),
                    size, {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation}, slices[2],
                    draw(st.booleans()))
