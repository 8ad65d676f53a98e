"""One record for each kernel: calls that it takes, and what tests have to know about them. tests/kernels/test_records.py does the rest."""

from dataclasses import dataclass

import numpy as np

from minigoog.kernels import reference
from minigoog.kernels.shapes import conv_shape
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.strategies import distinct, numbers


@dataclass
class Record:
    """A kernel: valid calls (their arguments by name), and what may be done with its arrays.

    slices: the arrays that may be slices of the channels of wider maps. in_place: the inputs that `out` may be.
    written: arguments that it changes. error: how far results may be from float64, in units of 2^-24 of the largest."""

    calls: list
    slices: tuple = ()
    in_place: tuple = ()
    written: tuple = ()
    error: float = 32  # a sum of a few dozen terms, see judge.py


def calls(arrays, *settings, **fixed):
    """A call for each of `settings`, on arrays of normal numbers with these shapes."""
    return [{name: numbers(i, shape) for i, (name, shape) in enumerate(arrays.items())} | fixed | other for other in settings or [{}]]


def conv_calls(out, *settings, **shapes):
    """Calls of a convolution's kernel: `out` is the part that is not an argument, x, w, or y (for y and its gradient dy)."""
    made = []
    for setting in settings:
        x, w = shapes["x"], setting.get("w", shapes["w"])
        window = {name: setting[name] for name in ("stride", "padding", "dilation", "groups") if name in setting}
        y = conv_shape("records", x, w, **{"stride": 1, "padding": 0} | window).y
        rest = {name: value for name, value in setting.items() if name not in ("w", "b")}
        arrays = {"y": {"x": x, "w": w}, "x": {"w": w, "dy": y}, "w": {"x": x, "dy": y}}[out]
        given = {"y": {}, "x": {"x_shape": x}, "w": {"w_shape": w}}[out]
        made += calls(arrays | ({"b": w[3:]} if setting.get("b") else {}), rest, **given)
    return made


WINDOWS = [{}, {"stride": 2, "padding": 1}, {"groups": 2, "w": (3, 3, 2, 6)}, {"algorithm": "direct", "padding": 1},
           {"algorithm": "im2col", "padding": 1}, {"algorithm": "winograd", "padding": 1},
           {"algorithm": "batch_invariant"}, {"w": (1, 1, 4, 3)}, {"padding": (0, 1, 2, 0), "dilation": (1, 2)},
           {"groups": 4, "w": (3, 3, 1, 4), "padding": 1}, {"groups": 4, "w": (2, 3, 1, 8), "stride": 2}]  # fmt: skip
MAP, KERNELS, NO_IMAGES = (2, 5, 6, 4), (3, 3, 4, 6), (0, 5, 6, 4)
EMPTY = conv_calls("y", {"b": True}, x=NO_IMAGES, w=KERNELS)

PATTERN = SparsePattern.from_mask(distinct(3, KERNELS) > 0)
BLOCKS = SparsePattern.from_mask(distinct(4, KERNELS) > 60, 16)


def sparse_calls(*names, x=MAP):
    """Calls of a sparse convolution's kernel with these of its arguments."""
    made = []
    for pattern, window in ((PATTERN, {}), (PATTERN, {"stride": 2, "padding": 1}), (BLOCKS, {"padding": 1})):
        y = reference.conv2d(np.zeros(x), np.zeros(KERNELS), **window).shape
        every = {"x": numbers(0, x), "values": numbers(1, pattern.values_shape), "dy": numbers(2, y), "b": numbers(3, (6,)), "x_shape": x}
        made.append({name: every[name] for name in names} | {"pattern": pattern} | window)
    return made


POOLS = [{"kernel_size": 2}, {"kernel_size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True},
         {"kernel_size": 3, "stride": 1, "padding": (0, 2, 1, 1), "dilation": (1, 2)}]  # fmt: skip
COUNTED = {"kernel_size": 3, "stride": 2, "padding": (1, 0, 2, 1), "count_include_pad": True}


def pool_calls(*names, more=()):
    """Calls of a pooling kernel with these of its arguments."""
    made = []
    for window in (*POOLS, *more):
        for shape in (MAP, NO_IMAGES):
            x = distinct(0, shape)
            y, index = reference.max_pool2d(x, **{name: value for name, value in window.items() if name != "count_include_pad"})
            every = {"x": x, "dy": numbers(1, y.shape), "index": index, "x_shape": shape}
            made.append({name: every[name] for name in names} | window)
    return made


ANY = [(2, 3, 4, 5), (7,), (0, 3), ()]  # shapes for kernels that take any
RANDOM = {"p": 0.4, "seed": 7, "offset": 3}
STEP = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
LABELS = np.array([2, 0, 4])
NORM = {"eps": 1e-3, "relu": True}


def any_shape(*names, **settings):
    return [call for shape in ANY for call in calls(dict.fromkeys(names, shape), settings)]


SEGMENTS = np.array([[0, 0, 1], [2, 1, 1]], np.int32)
REGIONS = {  # three segments of a picture of 2 x 3 pixels, each the neighbour of both others
    "neighbours": np.array([[0, 1], [0, 2], [1, 2]], np.int32), "sizes": np.array([2, 3, 1], np.int32),
    "boxes": np.array([[0, 0, 2, 1], [1, 0, 3, 2], [0, 1, 1, 2]], np.int32), "colours": np.array([[[1, 1]], [[3, 0]], [[0, 1]]], np.int32),
    "textures": np.array([[[2, 0, 0]] * 2, [[1, 1, 1]] * 2, [[0, 0, 1]] * 2], np.int32),
}  # fmt: skip
ONE_REGION = {name: a[:0] if name == "neighbours" else a[:1] for name, a in REGIONS.items()}

RETURNED = {"out", "accumulate"}  # arrays that a kernel writes to and returns, with tests of their own

RECORDS = {
    "add": Record(any_shape("a", "b"), slices=("a", "b", "out"), in_place=("a", "b")),
    "avg_pool2d": Record(pool_calls("x", more=[COUNTED]), slices=("x", "out")),
    "avg_pool2d_backward": Record(pool_calls("x_shape", "dy", more=[COUNTED]), slices=("dy",)),
    "batch_norm": Record(calls({"x": MAP, "gamma": (4,), "beta": (4,)}, {"eps": 1e-3}, NORM) + calls(
        {"x": (9, 3), "gamma": (3,), "beta": (3,)}, NORM), slices=("x", "out")),
    "batch_norm_backward": Record(calls({"x": MAP, "dy": MAP, "mean": (4,), "gamma": (4,), "beta": (4,)}, {"eps": 1e-3}, NORM,
                                        variance=np.array([1, 2, 0.5, 4], np.float32)), slices=("x", "dy", "out"), in_place=("dy",)),
    "clip": Record(any_shape("x", low=-0.5, high=0.7), slices=("x", "out")),
    "clip_backward": Record(any_shape("x", "dy", low=-0.5, high=0.7), slices=("x", "dy")),
    "conv2d": Record(conv_calls("y", *({"b": True} | s for s in WINDOWS), {"relu": True}, x=MAP, w=KERNELS) + EMPTY,
                     slices=("x", "out"), error=64),
    "conv2d_bias": Record(calls({"dy": MAP}) + calls({"dy": (7,)}) + calls({"dy": (0, 3)}), slices=("dy",)),
    "conv2d_input": Record(conv_calls("x", *WINDOWS, x=MAP, w=KERNELS) + conv_calls("x", {}, x=NO_IMAGES, w=KERNELS),
                           slices=("dy",), error=64),
    "conv2d_weight": Record(conv_calls("w", *WINDOWS, x=MAP, w=KERNELS) + conv_calls("w", {}, x=NO_IMAGES, w=KERNELS),
                            slices=("x", "dy"), error=64),
    "cooccurrences": Record([{"maps": distinct(0, shape) > 0, "radius": radius} for shape in (MAP, NO_IMAGES) for radius in (0, 2)]),
    "cross_entropy": Record(calls({"logits": (3, 5)}, labels=LABELS) + calls({"logits": (0, 5)}, labels=LABELS[:0])),
    "cross_entropy_backward": Record(calls({"probabilities": (3, 5)}, labels=LABELS, scale=0.3)
                                     + calls({"probabilities": (0, 5)}, labels=LABELS[:0], scale=1.0)),
    "dropout": Record(any_shape("x", **RANDOM)),
    "elu": Record(any_shape("x", alpha=0.8), slices=("x", "out")),
    "elu_backward": Record(any_shape("x", "dy", alpha=0.8), slices=("x", "dy")),
    "global_avg_pool2d": Record(calls({"x": MAP}) + calls({"x": NO_IMAGES}), slices=("x",)),
    "global_avg_pool2d_backward": Record([{"x_shape": MAP, "dy": numbers(0, (2, 4))}, {"x_shape": NO_IMAGES, "dy": numbers(0, (0, 4))}],
                                         slices=("dy",)),
    "graph_segments": Record(calls({"x": (5, 6, 3)}, {"k": 1.0, "min_size": 2}, {"k": 0.0, "min_size": 0}) + calls(
        {"x": (1, 7, 2)}, {"k": 0.5, "min_size": 3})),
    "hard_sigmoid": Record(any_shape("x", alpha=0.3, beta=0.4), slices=("x", "out")),
    "hard_sigmoid_backward": Record(any_shape("x", "dy", alpha=0.3, beta=0.4), slices=("x", "dy")),
    "hard_swish": Record(any_shape("x"), slices=("x", "out")),
    "hard_swish_backward": Record(any_shape("x", "dy"), slices=("x", "dy")),
    "leaky_relu": Record(any_shape("x", negative_slope=0.2), slices=("x", "out")),
    "leaky_relu_backward": Record(any_shape("x", "dy", negative_slope=0.2), slices=("x", "dy")),
    "linear": Record(calls({"x": (5, 7), "w": (7, 3), "b": (3,)}, {}, {"relu": True}) + calls({"x": (5, 7), "w": (7, 3)})
                     + calls({"x": (0, 7), "w": (7, 3)}), slices=("x",)),
    "linear_input": Record(calls({"w": (7, 3), "dy": (5, 3)}) + calls({"w": (7, 3), "dy": (0, 3)}), slices=("dy",)),
    "linear_weight": Record(calls({"x": (5, 7), "dy": (5, 3)}) + calls({"x": (0, 7), "dy": (0, 3)}), slices=("x", "dy")),
    "max_pool2d": Record(pool_calls("x") + [call | {"with_index": False} for call in pool_calls("x")], slices=("x", "out")),
    "max_pool2d_backward": Record(pool_calls("x_shape", "index", "dy"), slices=("dy",)),
    "region_hierarchy": Record([REGIONS | {"similarity": parts} for parts in ("CTSF", "TSF", "F", "C")] + [ONE_REGION]),
    "region_histograms": Record([{"segments": SEGMENTS, "values": np.arange(12, dtype=np.uint8).reshape(2, 2, 3) % 5, "n_bins": 5}]),
    "relu": Record(any_shape("x"), slices=("x", "out"), in_place=("x",)),
    "relu_backward": Record(any_shape("y", "dy"), slices=("y", "dy", "out"), in_place=("y", "dy")),
    "relu_bias_backward": Record(calls({"y": MAP, "dy": MAP}) + calls({"y": (7,), "dy": (7,)}) + calls({"y": (0, 3), "dy": (0, 3)}),
                                 slices=("y", "dy", "out"), in_place=("y", "dy")),
    "average_step": Record(any_shape("average", "w", decay=0.9), written=("average",)),
    "sgd_step": Record(any_shape("w", "dw", "v", **STEP) + any_shape("w", "dw", "v", nesterov=True, **STEP), written=("w", "v")),
    "sigmoid": Record(any_shape("x"), slices=("x", "out"), in_place=("x",)),
    "sigmoid_backward": Record(any_shape("y", "dy"), slices=("y", "dy")),
    "silu": Record(any_shape("x"), slices=("x", "out")),
    "silu_backward": Record(any_shape("x", "dy"), slices=("x", "dy")),
    "softmax": Record(calls({"x": (3, 5)}) + calls({"x": (0, 5)})),
    "softmax_backward": Record(calls({"y": (3, 5), "dy": (3, 5)}) + calls({"y": (0, 5), "dy": (0, 5)})),
    "sparse_conv2d": Record(sparse_calls("x", "values", "b") + [call | {"relu": True} for call in sparse_calls("x", "values")]
                            + [sparse_calls("x", "values")[0] | {"algorithm": "textbook"}] + sparse_calls("x", "values", x=NO_IMAGES),
                            slices=("x", "out"), error=64),
    "sparse_conv2d_input": Record(sparse_calls("x_shape", "values", "dy"), slices=("dy",), error=64),
    "sparse_conv2d_weight": Record(sparse_calls("x", "dy"), slices=("x", "dy"), error=64),
    "tanh": Record(any_shape("x", gain=1.7159, slope=2 / 3), slices=("x",)),
    "tanh_backward": Record(any_shape("y", "dy", gain=1.7159, slope=2 / 3), slices=("y", "dy")),
}  # fmt: skip
