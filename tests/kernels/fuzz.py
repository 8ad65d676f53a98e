"""Calls native kernels with arrays of any shape, type and stride and with any settings: they return, or raise TypeError or ValueError.

python -m tests.kernels.fuzz SEED CALLS; a crash ends the process, anything else that is wrong raises with the call that did it."""

import inspect
import sys

import numpy as np

from minigoog.kernels import native, reference
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.kernels import fuzz_narrow

FUNCTIONS = {name: getattr(native, name) for name in reference.__all__ if name != "empty"} | fuzz_narrow.FUNCTIONS
SHAPES = {"x_shape": 4, "w_shape": 4}
NUMBERS = {"p": (0.0, 0.5, 0.99, 1.0, -1, "a"), "gain": (1.0, 1.7, np.nan), "slope": (1.0, 0.0),
           "negative_slope": (0.1, -1, np.inf), "scale": (1.0, 0.3, np.inf),
           "seed": (0, 7, 2**64 - 1, 2**64, -1), "offset": (0, 3, 2**63, 2**64, 1.5), "lr": (0.1, 0.0, np.nan), "momentum": (0.9, 0),
           "weight_decay": (0.1, 0)}
WINDOWS = {"stride": (1, 1, 1, 2, (1, 2), (3, 1), 0, -1, 1.5, None, "1", 100, 2**33), "groups": (1, 1, 1, 2, 3, 0, -1),
           "radius": (0, 0, 1, 2, 3, -1, 1.0, None, 2**31),
           "n_bins": (5, 256, 0, None), "min_size": (0, 3, -1, 1.5), "k": (0.0, 1.0, -1, np.nan), "similarity": ("CTSF", "", None),
           "padding": (0, 0, 1, 1, 2, (0, 3), (0, 0, 1, 1), (2, 0, 1, 3), 9, -1, 1.0, None),
           "dilation": (1, 1, 1, 2, (1, 3), 0, 1.5, 2**33), "kernel_size": (1, 2, 3, (2, 3), (1, 5), 0, 2.0, 40, None)}
CHOICES = {"relu": (False, True), "nesterov": (False, True),
           "ceil_mode": (False, True), "count_include_pad": (False, True), "with_index": (True, False),
           "algorithm": ("auto", "direct", "im2col", "winograd", "nonsense")}


def array(r, ndim, dtype=np.float32):
    """A small array of nearly any kind."""
    shape = tuple(int(r.choice([0, 1, 1, 2, 3, 3, 4, 5, 8, 17])) for _ in range(ndim))
    with np.errstate(all="ignore"):
        a = (r.standard_normal(shape) if r.random() < 0.9 else np.full(shape, np.nan)).astype(dtype)
    for _ in range(int(r.choice([0, 0, 0, 1, 2]))):
        axis = int(r.integers(ndim)) if ndim else 0
        a = np.atleast_1d(a)
        repeated = np.broadcast_to(a[:1], a.shape) if len(a) else a
        views = a.T, np.flip(a), a[..., ::2], repeated, a[1:], np.swapaxes(a, axis, 0), a[..., 1:-1], a[..., 1:]
        a = views[int(r.integers(len(views)))]
    return a


def like(r, arrays, ndim):
    """An array of the shape of one that was drawn before, so that arguments fit one another often enough."""
    if arrays and r.random() < 0.5:
        return r.standard_normal(arrays[int(r.integers(len(arrays)))].shape).astype(np.float32)
    return array(r, ndim)


def argument(r, name, where, arrays):
    """A value for the parameter `name`: mostly sensible."""
    if name in SHAPES:
        if r.random() < 0.1:
            return [5, (1, 2), (1, -2, 3, 3), (1.0, 4, 4, 3), "abcd", None][int(r.integers(6))]
        return tuple(int(n) for n in r.integers(0, 9, 4))
    for table in (NUMBERS, WINDOWS, CHOICES):
        if name in table:
            return table[name][int(r.integers(len(table[name])))]
    if r.random() < 0.03:
        return [None, 3, "x", [1.0], np.float32(1)][int(r.integers(5))]
    if name == "pattern":
        mask = r.random(tuple(int(n) for n in r.integers(1, 4, 4))) < r.random()
        return SparsePattern.from_mask(mask, int(r.choice([1, 1, 16])))
    if name == "maps":
        return array(r, 4, np.float32 if r.random() < 0.1 else bool)
    if name in ("segments", "sizes", "boxes", "neighbours", "colours", "textures"):
        return r.integers(0, 4, (3,) * {"sizes": 1, "colours": 3, "textures": 3}.get(name, 2)).astype(np.int32)
    if name == "values" and "region" in where:
        return array(r, 3, np.uint8)
    if name == "labels":
        return r.integers(-1 if r.random() < 0.1 else 0, 4, int(r.integers(0, 6)))
    if name == "index":
        return r.integers(-1, 9, like(r, arrays, 4).shape).astype(np.int32)
    ndim = 2 if "linear" in where or "softmax" in where or "entropy" in where else 1 if name == "b" else 4
    ndim = ndim if r.random() < 0.95 else int(r.integers(0, 6))
    dtype = np.float32 if r.random() < 0.95 else r.choice(["f8", "i4", "f2", "?", "c8", ">f4"])
    return like(r, arrays, ndim) if dtype == np.float32 and r.random() < 0.4 else array(r, ndim, dtype)


def fitting(r, where, kwargs):
    """Makes the shapes of a call fit, so that the arithmetic runs: from x (or x_shape), a window and settings."""
    channels = int(r.choice([1, 2, 3, 5, 16, 33]))
    x_shape = (int(r.integers(0, 3)), int(r.integers(1, 9)), int(r.integers(1, 9)), channels)
    w_shape = (int(r.integers(1, 4)), int(r.integers(1, 4)), channels, int(r.choice([1, 2, 7, 16, 34])))
    if "groups" in kwargs and r.random() < 0.3:  # depthwise
        kwargs["groups"], w_shape = channels, (*w_shape[:2], 1, channels * int(r.integers(1, 3)))
    kwargs |= {name: value for name, value in (("x_shape", x_shape), ("w_shape", w_shape)) if name in kwargs}
    kwargs |= {name: r.standard_normal(shape).astype(np.float32) for name, shape in (("x", x_shape), ("w", w_shape)) if name in kwargs}
    if "b" in kwargs:
        kwargs["b"] = None if r.random() < 0.5 else np.ones(w_shape[3], np.float32)
    settings = {name: kwargs[name] for name in ("stride", "padding", "dilation", "groups", "kernel_size", "ceil_mode") if name in kwargs}
    if "pattern" in kwargs:
        pattern = kwargs["pattern"] = SparsePattern.from_mask(r.random(w_shape) < r.random(), int(r.choice([1, 1, 16])))
        kwargs |= {"values": r.standard_normal(pattern.values_shape).astype(np.float32)} if "values" in kwargs else {}
    try:
        x, w = np.zeros(x_shape), np.zeros(w_shape)
        y = reference.conv2d(x, w, **settings) if "conv" in where else reference.avg_pool2d(x, **settings)
    except (TypeError, ValueError):
        return
    for name in ("dy", "out"):
        if name in kwargs:
            kwargs[name] = r.standard_normal(y.shape).astype(np.float32) if name == "dy" or r.random() < 0.5 else None
    if "index" in kwargs:
        kwargs["index"] = r.integers(0, x_shape[1] * x_shape[2], y.shape).astype(np.int32)


def region(r, where, kwargs):
    """Arguments of the kernels for regions that fit, mostly."""
    h, w, c = (int(n) for n in r.integers(1, 7, 3))
    labels = reference.graph_segments(r.integers(0, 3, (h, w, c)).astype(np.float32), 1.0, 2)
    values = r.integers(0, 5, (c, h, w)).astype(np.uint8)
    counts, n = reference.region_histograms(labels, values, 5), int(labels.max()) + 1
    pairs = np.stack(np.triu_indices(n, 1), axis=1).astype(np.int32)
    found = {"x": r.standard_normal((h, w, c)).astype(np.float32), "segments": labels, "values": values, "colours": counts,
             "textures": counts, "sizes": np.bincount(labels.ravel()).astype(np.int32),
             "boxes": np.tile(np.array([0, 0, w, h], np.int32), (n, 1)),
             "neighbours": pairs[r.random(len(pairs)) < r.random()], "n_bins": int(r.integers(4, 7)),
             "similarity": "CTSF"[: r.integers(1, 5)], "k": float(r.choice([0, 1, 50])), "min_size": int(r.integers(0, 5))}  # fmt: skip
    kwargs |= {name: found[name] for name in kwargs}


def call(r):
    """One random call: (name, arguments)."""
    where = str(r.choice(list(FUNCTIONS)))
    kwargs, arrays = {}, []
    for name, parameter in inspect.signature(FUNCTIONS[where]).parameters.items():
        if parameter.default is not parameter.empty and r.random() < 0.5:
            continue
        kwargs[name] = argument(r, name, where, arrays)
        if isinstance(kwargs[name], np.ndarray):
            arrays.append(kwargs[name])
    if where in fuzz_narrow.FUNCTIONS:
        if r.random() < 0.8:
            fuzz_narrow.fitting(r, where, kwargs)
    elif ("conv2d" in where and where != "conv2d_bias" or "pool2d" in where and "global" not in where) and r.random() < 0.7:
        fitting(r, where, kwargs)
    if ("region" in where or "graph" in where) and r.random() < 0.7:
        region(r, where, kwargs)
    return where, kwargs


WRITTEN = {"sgd_step": ("w", "v"), "average_step": ("average",), "conv2d_input": ("accumulate",), "bf16.conv2d_input": ("accumulate",)}


def check(where, kwargs):
    """Makes the call; raises if it does anything but return or refuse. Returns whether it returned."""
    inputs = {k: v for k, v in kwargs.items() if isinstance(v, np.ndarray) and k != "out" and k not in WRITTEN.get(where, ())}
    before = {name: a.tobytes() for name, a in inputs.items()}
    try:
        with np.errstate(all="ignore"):
            FUNCTIONS[where](**kwargs)
        returned = True
    except (TypeError, ValueError) as error:
        assert str(error).startswith(where + ":"), f"the error names another kernel or none: {error}"
        returned = False
    for name, a in inputs.items():
        assert a.tobytes() == before[name], f"`{name}` was modified"
    return returned


def main(seed, calls):
    r = np.random.default_rng(seed)
    returned = 0
    for i in range(calls):
        native.machine.set_isa(native.machine.available_isas()[i % len(native.machine.available_isas())])
        where, kwargs = call(r)
        try:
            returned += check(where, kwargs)
        except BaseException:
            facts = {k: (v.shape, str(v.dtype), v.strides) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
            print(f"call {i} of seed {seed}: {where}({facts})")
            raise
    assert returned > calls / 10, f"only {returned} of {calls} calls were valid: the generator is of no use"
    print(returned, "of", calls, "calls returned")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
