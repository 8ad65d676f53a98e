"""Runs every native kernel on arrays that lie directly before or after memory which may not be touched: one float too far is SIGSEGV.

Run as a program by test_guard_pages.py; prints "all inside" at the end. With the argument "changing", the number of threads and the
instruction set change before every look at them."""

import ctypes
import itertools
import mmap
import sys

import numpy as np

from minigoog.kernels import native
from minigoog.kernels.native import bf16, bf16_training, bf16_winograd, conv_algorithms, int8, workspace
from minigoog.kernels.reference.int8 import suits_pairs
from minigoog.kernels.shapes import conv_shape, pool_shape
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.kernels.judge import changing

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_kept = []


def guarded(shape, side, dtype=np.float32):
    """An array whose first byte follows ("before"), or whose last byte is followed by ("after"), a page that may not be touched."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = -(-max(n_bytes, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, room + 2 * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (base, base + PAGE + room):
        assert libc.mprotect(page, PAGE, 0) == 0, ctypes.get_errno()
    _kept.append(memory)
    start = base + PAGE + (0 if side == "before" else room - n_bytes)
    return np.frombuffer((ctypes.c_char * n_bytes).from_address(start), dtype).reshape(shape)


def filled(shape, side, dtype=np.float32):
    a, r = guarded(shape, side, dtype), np.random.default_rng(0)
    a[...] = r.standard_normal(shape) if a.dtype == np.float32 else r.integers(0, 100, shape)
    return a


def sliced(shape, side, wide, dtype=np.float32):
    """A slice of the channels of a guarded array `wide` channels wider, at the end that touches the guard."""
    a = filled((*shape[:-1], shape[-1] + wide), side, dtype)
    return a[..., wide:] if side == "after" else a[..., : shape[-1]]


CONVOLUTIONS = [  # x, window, cout, stride, padding, groups
    ((1, 1, 1, 1), (1, 1), 1, 1, 0, 1), ((2, 5, 7, 3), (3, 3), 5, 1, 1, 1), ((2, 6, 6, 17), (1, 1), 33, 1, 0, 1),
    ((1, 9, 9, 3), (7, 7), 64, 2, 3, 1), ((3, 4, 4, 16), (5, 5), 15, 1, 2, 1), ((1, 8, 5, 6), (2, 3), 7, (3, 2), (0, 2), 1),
    ((2, 14, 14, 31), (3, 3), 49, 1, 1, 1), ((1, 6, 6, 8), (3, 3), 10, 1, 0, 2), ((5, 3, 3, 70), (1, 1), 9, 2, 0, 1),
    ((1, 2, 300, 2), (1, 3), 3, 1, 0, 1), ((1, 9, 9, 13), (3, 3), 14, 1, 2, 1), ((0, 5, 5, 4), (3, 3), 4, 1, 1, 1),
    ((2, 4, 4, 5), (1, 1), 6, 1, (1, 2), 1), ((1, 3, 3, 130), (3, 3), 65, 1, 1, 1), ((2, 6, 6, 17), (3, 3), 17, 2, 1, 17),
    ((1, 9, 8, 20), (5, 5), 20, 1, 2, 20), ((2, 5, 7, 3), (2, 3), 6, (2, 1), 0, 3),
    ((5, 14, 14, 33), (3, 3), 40, 1, 1, 1),
]
WINDOWS = [{}, {"dilation": 2, "padding": (2, 1, 3, 4)}, {"padding": (0, 0, 1, 1)}]  # other than the padding above


def convolutions(side):
    for x_shape, window, cout, stride, padding, groups in CONVOLUTIONS:
        w_shape = (*window, x_shape[3] // groups, cout)
        for algorithm, other in itertools.product(("auto", *conv_algorithms.ALGORITHMS), WINDOWS):
            settings = {"stride": stride, "padding": padding, "groups": groups} | other
            try:
                s = conv_shape("guard", x_shape, w_shape, **settings)
                conv_algorithms.choose("conv2d", algorithm, s)
            except ValueError:  # the window exceeds the map, or the algorithm does not support it
                continue
            y_shape = s.y
            for wide in (0, 3):
                x, w, b, dy = sliced(x_shape, side, wide), filled(w_shape, side), filled((cout,), side), sliced(y_shape, side, wide)
                y = sliced(y_shape, side, wide)
                native.conv2d(x, w, b, relu=True, out=y, algorithm=algorithm, **settings)
                native.conv2d(x, w, algorithm=algorithm, **settings)
                native.conv2d_input(x_shape, w, dy, algorithm=algorithm, **settings)
                native.conv2d_weight(x, w_shape, dy, algorithm=algorithm, **settings)
                native.conv2d_bias(dy)


def narrow_convolutions(side):
    """In bf16, training included, and of bytes."""
    for x_shape, window, cout, stride, padding, groups in CONVOLUTIONS:
        w_shape = (*window, x_shape[3] // groups, cout)
        for other, wide in itertools.product(WINDOWS, (0, 3)):
            settings = {"stride": stride, "padding": padding, "groups": groups} | other
            try:
                s = conv_shape("guard", x_shape, w_shape, **settings)
            except ValueError:  # the window exceeds the map
                continue
            w, b, wide_x, dy = filled(w_shape, side), filled((cout,), side), sliced(x_shape, side, wide), sliced(s.y, side, wide)
            x, y = sliced(x_shape, side, wide, np.uint16), sliced(s.y, side, wide, np.uint16)
            dz = dy if bf16_training.by_winograd(s) else y
            for given, out in ((x, y), (wide_x, y), (x, dy), (wide_x, None)):
                bf16_training.conv2d(given, w, b, relu=True, out=out, **settings)
                bf16_training.conv2d_weight(given, w_shape, dz, **settings)
            for accumulate in (None, wide_x):
                bf16_training.conv2d_input(x_shape, w, dz, accumulate=accumulate, **settings)
            for narrow in (False, True):
                bf16_training.relu_bias_backward(y, dy, to_bf16=narrow)
            halves = filled(w_shape, side, np.uint16)
            bf16.bf16_conv2d(x, halves, b, out=y, **settings)
            bf16.bf16_conv2d(x, halves, b, to_float=True, out=dy, **settings)
            if (window, s.stride, s.dilation, groups) == ((3, 3), (1, 1), (1, 1), 1):
                bf16_winograd.bf16_conv2d_winograd(x, w, b, padding=settings["padding"], out=y)
            codes, weights = sliced(x_shape, side, wide, np.uint8), filled(w_shape, side, np.int8)
            for algorithm in ("direct", "pairs") if suits_pairs(s, weights) else ("direct",):
                int8.int8_conv2d(codes, weights, filled((cout,), side, np.int32), b, algorithm=algorithm,
                                 out=sliced(s.y, side, wide, np.uint8), **settings)
            int8.int8_conv2d(codes, weights, filled((cout,), side, np.int32), b, to_float=True, out=dy, **settings)


def sparse(side):
    for x_shape, window, cout, stride, padding, _ in CONVOLUTIONS:
        settings = {"stride": stride, "padding": padding}
        w_shape = (*window, x_shape[3], cout)
        for density, block in ((1, 1), (0.1, 1), (0.5, 16), (0.5, 48)):
            pattern = SparsePattern.from_mask(np.random.default_rng(0).random(w_shape) < density, block)
            pattern.crow_indices, pattern.col_indices = (guarded_copy(a, side) for a in (pattern.crow_indices, pattern.col_indices))
            values, b, settings["pattern"] = filled(pattern.values_shape, side), filled((cout,), side), pattern
            for wide in (0, 3):
                x = sliced(x_shape, side, wide)
                y_shape = native.sparse_conv2d(x, values, **settings).shape
                y, dy = sliced(y_shape, side, wide), sliced(y_shape, side, wide)
                for algorithm in ("auto", "textbook") if block == 1 else ("auto",):
                    native.sparse_conv2d(x, values, b, relu=True, out=y, algorithm=algorithm, **settings)
                native.sparse_conv2d_input(x_shape, values, dy, **settings)
                native.sparse_conv2d_weight(x, pattern, dy, stride=stride, padding=padding)


def guarded_copy(a, side):
    copy = guarded(a.shape, side, a.dtype)
    copy[...] = a
    return copy


POOLS = [  # x, window, stride, padding, ceil_mode
    ((1, 1, 1, 1), 1, 1, 0, False), ((2, 7, 7, 3), 3, 2, 0, True), ((1, 5, 6, 33), 3, 1, 1, False),
    ((2, 6, 5, 17), (2, 5), (3, 1), (1, 4), True), ((1, 9, 9, 16), 2, 5, 0, True), ((0, 4, 4, 2), 2, 2, 0, False),
    ((2, 7, 6, 5), 3, 2, (0, 1, 2, 0), True), ((1, 6, 7, 70), 3, 2, 1, False),
]


def narrow_maps(side):
    for x_shape, size, stride, padding, ceil_mode in POOLS:
        for wide, dilation in ((0, 1), (5, 1), (0, 2), (3, (2, 1))):
            settings = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation}
            try:
                y_shape = pool_shape("guard", x_shape, size, **settings).y
            except ValueError:  # the window exceeds the map
                continue
            x, y, dy = sliced(x_shape, side, wide, np.uint16), sliced(y_shape, side, wide, np.uint16), sliced(y_shape, side, wide)
            codes = sliced(x_shape, side, wide, np.uint8)
            _, index = bf16_training.max_pool2d(x, size, out=y, **settings)
            bf16_training.max_pool2d_backward(x_shape, guarded_copy(index, side), dy, size, **settings)
            bf16.bf16_max_pool2d(x, size, out=y, **settings)
            bf16.bf16_avg_pool2d(x, size, **settings)
            int8.int8_max_pool2d(codes, size, out=sliced(y_shape, side, wide, np.uint8), **settings)
            int8.int8_avg_pool2d(codes, 0.1, size, **settings)
            floats = sliced(x_shape, side, wide)
            bf16.to_bf16(floats, x)
            bf16.from_bf16(x)
            int8.quantize(floats, 0.1, 7)
            int8.dequantize(codes, 0.1, 7)
    for c in (1, 3, 4):
        int8.quantize_image(filled((2, 3, 5, c), side), filled((c,), side, np.float64) + 1, filled((c,), side, np.float64), (1, 0, 2, 3))


def pools(side):
    for x_shape, size, stride, padding, ceil_mode in POOLS:
        for wide, dilation in ((0, 1), (5, 1), (0, 2), (3, (2, 1))):
            x, settings = sliced(x_shape, side, wide), {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "dilation": dilation}
            try:
                pool_shape("guard", x_shape, size, **settings)
            except ValueError:  # the window exceeds the map
                continue
            y, index = native.max_pool2d(x, size, **settings)
            out, dy = sliced(y.shape, side, wide), sliced(y.shape, side, wide)
            native.max_pool2d(x, size, out=out, **settings)
            native.max_pool2d(x, size, with_index=False, **settings)
            own_index = guarded(index.shape, side, index.dtype)
            own_index[...] = index
            native.max_pool2d_backward(x_shape, own_index, dy, size, **settings)
            native.avg_pool2d(x, size, out=out, **settings)
            native.avg_pool2d_backward(x_shape, dy, size, **settings)
            native.avg_pool2d(x, size, out=out, count_include_pad=True, **settings)
            native.avg_pool2d_backward(x_shape, dy, size, count_include_pad=True, **settings)
            native.global_avg_pool2d(x)
            native.global_avg_pool2d_backward(x_shape, filled((x_shape[0], x_shape[3]), side))


def elementwise(side):
    for shape in [(1,), (3,), (17,), (64,), (5, 33), (2, 3, 3, 7), (9001,), (0,), (2, 20_000)]:
        for wide in (0, 2):
            a, b, out = (sliced(shape, side, wide) for _ in range(3))
            native.relu(a, out=out)
            native.relu_backward(native.relu(a), b)
            native.leaky_relu(a, 0.1, out=out)
            native.leaky_relu_backward(a, b, 0.1)
            native.add(a, b, out=out)
            native.add(a, b, out=a)
        a, b, v = (filled(shape, side) for _ in range(3))
        native.tanh(a, 1.7, 0.7)
        native.tanh_backward(a, b, 1.7, 0.7)
        native.dropout(a, 0.5, seed=1, offset=3)
        native.sgd_step(a, b, v, lr=0.1, momentum=0.9, weight_decay=0.1)
        native.average_step(v, a, decay=0.9)


def rows(side):
    for n, c, o in [(1, 1, 1), (3, 7, 5), (5, 16, 17), (2, 33, 64), (4, 1000, 10), (0, 3, 4)]:
        x, w, b, dy, z = (filled(shape, side) for shape in ((n, c), (c, o), (o,), (n, o), (n, c)))
        labels = guarded((n,), side, np.int64)
        labels[...] = c - 1
        native.linear(x, w, b)
        native.linear_input(w, dy)
        native.linear_weight(x, dy)
        native.softmax(x)
        native.softmax_backward(x, z)
        _, probabilities = native.cross_entropy(x, labels)
        native.cross_entropy_backward(filled((n, c), side), labels, 0.5)


def regions(side):
    r = np.random.default_rng(0)
    for h, w, c in [(1, 1, 1), (1, 9, 2), (9, 1, 3), (13, 11, 3), (2, 2, 4)]:
        x = filled((h, w, c), side)
        for k, min_size in ((0.0, 1), (1.0, 3), (100.0, 1)):
            labels = guarded_copy(native.graph_segments(x, k, min_size), side)
            values = guarded_copy(r.integers(0, 7, (c, h, w)).astype(np.uint8), side)
            counts = guarded_copy(native.region_histograms(labels, values, 7), side)
            n = len(counts)
            every = np.stack(np.triu_indices(n, 1), axis=1).astype(np.int32)  # all segments touch all others
            sizes = guarded_copy(np.bincount(labels.ravel()).astype(np.int32), side)
            box = guarded_copy(np.array([[0, 0, w, h]] * n, np.int32), side)
            native.region_hierarchy(guarded_copy(every, side), sizes, box, counts, counts, "CTSF")


def main():
    workspace.empty = guarded_empty  # results and scratch too: all kernels say workspace.empty(...)
    for isa in native.machine.available_isas():
        native.machine.set_isa(isa)
        if "changing" in sys.argv:
            native.machine.current = changing(native)
        for guarded_empty.side in ("before", "after"):
            for kernels in (convolutions, narrow_convolutions, narrow_maps, sparse, pools, elementwise, rows, regions):
                kernels(guarded_empty.side)
                _kept.clear()
    print("all inside")


def guarded_empty(shape, dtype=np.float32):
    """Instead of workspace.empty: filled with NaN (-1), so that reading what was never written shows too."""
    a = guarded(shape, guarded_empty.side, dtype)
    a.fill(np.nan if np.dtype(dtype).kind == "f" else np.array(-1).astype(dtype))
    return a


if __name__ == "__main__":
    main()
