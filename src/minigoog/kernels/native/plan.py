"""Calls of C kernels that are prepared once and then run by C alone, one after the other (csrc/plan.c)."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minigoog._native import ffi, lib

from ..shapes import conv_shape, pool_shape
from . import conv_algorithms, conv_direct, conv_geometry, conv_winograd, machine, workspace
from .arena import ALIGNMENT, CONSTANTS, NOWHERE, Buffer, Map, allocate, lifetimes, new_map, view
from .pointers import NULL, check_float32, dense
from .pool import pool_geometry

WHERE = "compile"


class Call(NamedTuple):
    """One call: its kind (enum mg_kind), the maps that it reads and writes, its constants and the sizes that C wants to know.

    For what has no C kernel `function` takes the arrays of `arguments` (Maps with their shapes, or arrays) instead."""

    algorithm: str
    kind: int
    x: Map
    y: Map
    sizes: dict  # fields of struct mg_step
    w: np.ndarray | None = None  # packed
    b: "np.ndarray | Map | None" = None
    multiply_adds: int = 0
    function: Callable | None = None
    arguments: tuple = ()

    def maps(self):
        """The maps that the call touches."""
        read = [m for m, _ in self.arguments]
        return [m for m in (self.x, self.y, self.b, *read) if isinstance(m, Map)]


def convolution(x, w, b, y, *, relu=False, stride=1, padding=0, groups=1, algorithm="auto"):
    """The calls that convolve the map `x` with the array `w` HWIO into `y`, as conv2d does it."""
    check_float32(WHERE, "w", w)
    s = conv_shape(WHERE, x.shape, w.shape, stride, padding, groups)
    winograd = conv_algorithms.choose("conv2d", algorithm, s) is conv_algorithms.ALGORITHMS["winograd"]
    prepare = _winograd if winograd else _direct
    cin, cout = s.cin // groups, s.cout // groups
    calls = []
    for g in range(groups):
        part = slice(g * cout, (g + 1) * cout)
        w_part, b_part = np.ascontiguousarray(w[..., part]), None if b is None else np.ascontiguousarray(b[part])
        x_part, y_part = x.channels(g * cin, cin), y.channels(g * cout, cout)
        calls += prepare(s._replace(cin=cin, cout=cout, groups=1), x_part, w_part, b_part, relu, y_part)
    return calls


def _direct(s, x, w, b, relu, y):
    calls = []
    if s.padding != (0, 0) or (s.kw > 1 and not x.dense):
        calls, x = _padded(x, s.padding, conv_geometry.padded_size(s))
    panels = conv_direct.pack(s.kh * s.kw * s.cin, s.cout, w, b)
    sizes = {"conv": conv_geometry.geometry(s, x.pixel, y.pixel)[0], "relu": relu}
    return [*calls, Call("direct", lib.MG_DIRECT, x, y, sizes, panels, None, _multiply_adds(s))]


def _winograd(s, x, w, b, relu, y):
    side = conv_winograd.side_of(s)
    calls, canvas = _padded(x, s.padding, conv_winograd.canvas_size(s, side))
    sizes = {"conv": conv_winograd.geometry(s, side, y.pixel)[0], "relu": relu}
    return [*calls, Call("winograd", lib.MG_WINOGRAD, canvas, y, sizes, conv_winograd.pack(s, w), b, _multiply_adds(s))]


def _multiply_adds(s):
    return s.n * s.out_h * s.out_w * s.kh * s.kw * s.cin * s.cout


def _padded(x, padding, size):
    """The call that copies `x` onto a canvas of `size` (height, width), in a list, and the canvas."""
    canvas = new_map((x.shape[0], *size, x.shape[3]))
    return [Call("", lib.MG_PLACE, x, canvas, _sizes(x, canvas, padding))], canvas


def max_pool(x, y, **window):
    """The call that writes the largest value of each window of `x` to `y`; `window`: the settings of max_pool2d."""
    sizes = {"pool": pool_geometry(pool_shape(WHERE, x.shape, **window), x.pixel, y.pixel)[0]}
    return [Call("", lib.MG_MAX_POOL, x, y, sizes)]


def avg_pool(x, y, **window):
    """The call that writes the mean of each window of `x` to `y`."""
    sizes = {"pool": pool_geometry(pool_shape(WHERE, x.shape, **window), x.pixel, y.pixel)[0]}
    return [Call("", lib.MG_AVG_POOL, x, y, sizes)]


def copy(x, y):
    """The call that copies `x` to `y`: a pool with windows of one pixel, since no kernel only copies."""
    return [Call("", lib.MG_MAX_POOL, x, y, _sizes(x, y))]


def relu(x, y):
    """The call that writes max(0, x) to `y`."""
    return [Call("", lib.MG_RELU, x, y, _sizes(x, y))]


def add(a, b, y):
    """The call that writes a + b to `y`."""
    return [Call("", lib.MG_ADD, a, y, _sizes(a, y) | {"b_pixel": b.pixel}, b=b)]


def softmax(x, y):
    """The call that writes the softmax of each pixel of `x` to `y`, both dense."""
    return [Call("", lib.MG_SOFTMAX, x, y, _sizes(x, y))]


def python(function, arguments, y, y_shape):
    """The call of a Python function. arguments: (Map or array, shape) of each; `y` gets what it returns, of shape `y_shape`."""
    x = next(m for m, _ in arguments if isinstance(m, Map))
    return [Call("NumPy", -1, x, y, {}, function=function, arguments=(*arguments, (y, y_shape)))]


def _sizes(x, y, padding=(0, 0)):
    """struct mg_pool with windows of one pixel, as a field of struct mg_step."""
    return {"pool": (*x.shape, 1, 1, 1, 1, *padding, *y.shape[1:3], x.pixel, y.pixel)}


def _runs(calls):
    """(first, end, None) of each run of calls that C makes, (i, i + 1, call) of each that Python makes between them."""
    here = [i for i, call in enumerate(calls) if call.function]
    borders = [-1, *here, len(calls)]
    runs = [(a + 1, b, None) for a, b in zip(borders, borders[1:], strict=False) if b > a + 1]
    return sorted(runs + [(i, i + 1, calls[i]) for i in here], key=lambda run: run[0])


def _aligned(size):
    """At least `size` floats from a multiple of 64 bytes on, which the pool of small arrays does not promise."""
    return workspace.empty((max(size, workspace.SMALLEST // 4),))


class Program:
    """Calls with their memory: constants, one arena, scratch. `run` is not for two threads at once."""

    def __init__(self, calls):
        self.isa = machine.isa()  # panels are packed for its tiles
        self.lives = lifetimes([m.buffer for m in call.maps()] for call in calls)
        self.arena = _aligned(allocate(self.lives))
        self.scratch = _aligned(0)
        self.constants = self._gather([a for call in calls for a in (call.w, call.b) if isinstance(a, np.ndarray)])
        self.steps = ffi.new("struct mg_step[]", [self._step(call) for call in calls])
        self.runs = _runs(calls)

    def _gather(self, arrays):
        """One array with all of `arrays`; where each begins is kept in `begins`."""
        ends = np.cumsum([0] + [-(-a.size // ALIGNMENT) * ALIGNMENT for a in arrays]).tolist()
        self.begins = {id(a): Buffer(a.size, CONSTANTS, begin) for a, begin in zip(arrays, ends, strict=False)}
        constants = _aligned(ends[-1])
        for a in arrays:
            begin = self.begins[id(a)].offset
            constants[begin : begin + a.size] = a
        return constants

    def _step(self, call):
        at = {name: self._at(getattr(call, name)) for name in "xywb"}
        return {"kind": call.kind} | at | call.sizes

    def _at(self, what):
        """struct mg_at of a map, of an array among the constants, or of nothing."""
        if what is None:
            return (NOWHERE, 0)
        if isinstance(what, Map):
            return (what.buffer.area, what.buffer.offset + what.first)
        return (CONSTANTS, self.begins[id(what)].offset)

    def run(self, x, ys, seconds=None):
        """Runs all calls on the dense array `x`, writing the dense arrays `ys`; seconds [calls]: the time of each, if wanted."""
        if machine.isa() != self.isa:
            raise RuntimeError(f"plan: compiled for {self.isa}, but the kernels use {machine.isa()} now: compile again")
        needed = lib.mg_plan_scratch(self.steps, len(self.steps))
        if needed > self.scratch.size:  # at first, and when there are more threads than there were
            self.scratch = _aligned(needed)
        areas = [None, self.constants, self.arena, x, *ys]
        pointers = ffi.new("float *[]", [NULL, *(dense("plan", "x", a) for a in areas[1:])])
        for first, end, call in self.runs:
            if call is None:
                times = NULL if seconds is None else dense("plan", "seconds", seconds[first:end], "double[]")
                lib.mg_run_plan(self.steps + first, end - first, pointers, dense("plan", "scratch", self.scratch), times)
            else:
                start = time.perf_counter()
                *xs, y = (view(areas, m, shape) if isinstance(m, Map) else m for m, shape in call.arguments)
                y[...] = call.function(*xs)
                if seconds is not None:
                    seconds[first] = time.perf_counter() - start

    @property
    def arena_bytes(self):
        """Memory of everything between input and output, scratch included."""
        return self.arena.nbytes + self.scratch.nbytes

    @property
    def constant_bytes(self):
        """Memory of packed weights and biases."""
        return self.constants.nbytes
