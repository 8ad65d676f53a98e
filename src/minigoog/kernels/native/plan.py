"""Calls of C kernels that are prepared once and then run by C alone, one after the other (csrc/plan.c)."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, Padding, Pair, Shape
from ..shapes import ConvShape, Sides, conv_shape, pool_shape
from . import conv_algorithms, conv_depthwise, conv_geometry, conv_winograd, machine, workspace
from .activation import KINDS
from .arena import ALIGNMENT, CONSTANTS, NOWHERE, Buffer, Map, allocate, lifetimes, new_map, view
from .conv_geometry import Epilogue
from .pointers import NULL, Pointer, dense
from .pool import pool_geometry
from .weights import Weights, pack_direct

WHERE = "compile"
PYTHON = -1  # the kernel of a call that runs a Python function

Activation: TypeAlias = tuple[str, *tuple[float, ...]]  # the name of its function and its settings, as ("clip", 0.0, 6.0)


class Call(NamedTuple):
    """One call of a plan: a C kernel with its settings, or a Python function; the maps and constants it reads, the map it writes."""

    kernel: int  # enum mg_kernel, or PYTHON
    x: Map
    y: Map
    settings: dict[str, Any]  # the member of union mg_settings that the kernel reads
    w: "Packed | Array | Map | None" = None  # packed weights, or the factors of an affine map
    b: Array | Map | None = None  # a bias, or the second input of a sum
    algorithm: str = ""
    multiply_adds: int = 0
    function: Callable[..., Array] | None = None
    arguments: tuple[tuple[Map | Array, Shape], ...] = ()  # the arguments of `function` and its result, each with its shape there
    name: str = ""  # of the layer whose parameters it uses
    kind: str = ""  # the operation, "pad" or "copy"
    residual: Map | None = None  # of a convolution: added before its activation
    why: str = ""  # of weights with zeros: their density, and what each algorithm would take

    def maps(self) -> list[Map]:
        """The maps that the call reads or writes."""
        arguments = [m for m, _ in self.arguments]
        return [m for m in (self.x, self.y, self.w, self.b, self.residual, *arguments) if isinstance(m, Map)]

    def constants(self) -> "list[Packed | Array]":
        """The packed weights and bias."""
        return [a for a in (self.w, self.b) if isinstance(a, (Packed, np.ndarray))]


class Packed(NamedTuple):
    """Weights that `write(out=...)` will pack into an array of `size`: only then, so that they exist once."""

    size: int
    write: Callable[..., Any]


def convolution(
    m: machine.Machine, x: Map, w: Weights, b: Array | None, y: Map, *, activation: Activation | None = None, residual: Map | None = None,
    stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1, algorithm: str = "auto",
) -> list[Call]:
    """The calls that convolve the map `x` with the weights `w` HWIO into `y`, as conv2d does it, with weights packed for the tiles of `m`.

    y = activation(convolution + b + residual)."""
    s = conv_shape(WHERE, x.shape, w.shape, stride, padding, groups, dilation)
    chosen, sides = conv_algorithms.choose("conv2d", algorithm, s), conv_winograd.OF_SIDE
    if chosen is conv_winograd.ALGORITHM:
        chosen = sides[conv_winograd.side_of(s)]
    if chosen is conv_depthwise.ALGORITHM:
        return _depthwise(s, x, w, b, activation, residual, y)
    prepare = next((partial(_winograd, side) for side in sides if chosen is sides[side]), _direct)
    cin, cout = s.cin // groups, s.cout // groups
    calls: list[Call] = []
    if groups > 1 and prepare is _direct and any(s.padding):  # once for all groups, which read their channels of the canvas
        calls, x = _padded(x, s.padding, conv_geometry.padded_size(s))
        s = s._replace(h=x.shape[1], w=x.shape[2], padding=(0, 0, 0, 0))
    for g in range(groups):
        part = slice(g * cout, (g + 1) * cout)
        w_part, b_part = w.among(part), None if b is None else np.ascontiguousarray(b[part])
        x_part, y_part = x.channels(g * cin, cin), y.channels(g * cout, cout)
        r_part = None if residual is None else residual.channels(g * cout, cout)
        epilogue = Epilogue(*_kind(activation), 0 if residual is None else residual.ld)
        *pads, call = prepare(m, s._replace(cin=cin, cout=cout, groups=1), x_part, w_part, b_part, epilogue, y_part)
        calls += [*pads, call._replace(residual=r_part)]
    return calls


def _depthwise(
    s: ConvShape, x: Map, w: Weights, b: Array | None, activation: Activation | None, residual: Map | None, y: Map
) -> list[Call]:
    epilogue = Epilogue(*_kind(activation), 0 if residual is None else residual.ld)
    settings = {"depthwise": conv_depthwise.geometry(s, x.ld, y.ld, epilogue)[0]}
    weights = w.of(slice(0, s.cout)).reshape(-1)
    return [Call(lib.MG_DEPTHWISE, x, y, settings, weights, b, "depthwise", _multiply_adds(s) // s.groups, residual=residual)]


def _direct(m: machine.Machine, s: ConvShape, x: Map, w: Weights, b: Array | None, epilogue: Epilogue, y: Map) -> list[Call]:
    calls: list[Call] = []
    if any(s.padding):
        calls, x = _padded(x, s.padding, conv_geometry.padded_size(s))
    settings = {"conv": conv_geometry.geometry(s, x.ld, y.ld, epilogue)[0]}
    k = s.kh * s.kw * s.cin
    panels = Packed(lib.mg_panels_size(k, s.cout, m), partial(pack_direct, m, k, w, b))
    return [*calls, Call(lib.MG_CONV2D_DIRECT, x, y, settings, panels, None, "direct", _multiply_adds(s))]


def _winograd(side: int, m: machine.Machine, s: ConvShape, x: Map, w: Weights, b: Array | None, epilogue: Epilogue, y: Map) -> list[Call]:
    calls, canvas = _padded(x, s.padding, conv_winograd.canvas_size(s, side))
    settings = {"conv": conv_winograd.geometry(s, side, y.ld, epilogue)[0]}
    size = lib.mg_winograd_panels_size(side, s.kh, s.cin, s.cout, m)
    panels = Packed(size, lambda out: conv_winograd.pack(m, s, side, w.of(slice(0, s.cout)), out))
    return [*calls, Call(lib.MG_CONV2D_WINOGRAD, canvas, y, settings, panels, b, "winograd", _multiply_adds(s))]


def _multiply_adds(s: ConvShape) -> int:
    return s.n * s.out_h * s.out_w * s.kh * s.kw * s.cin * s.cout


def _padded(x: Map, padding: Sides, size: tuple[int, ...]) -> tuple[list[Call], Map]:
    """The call that copies `x` onto a canvas of `size` (height, width), in a list, and the canvas."""
    canvas = new_map((x.shape[0], *size, x.shape[3]))
    return [Call(lib.MG_PLACE, x, canvas, {"place": (*x.shape, x.ld, *padding[:2], 1, 1, *size)})], canvas


def max_pool(x: Map, y: Map, **window: Any) -> list[Call]:
    """The call that writes the largest value of each window of `x` to `y`; `window`: the settings of max_pool2d."""
    return [Call(lib.MG_MAX_POOL2D, x, y, _pool(x, y, window))]


def avg_pool(x: Map, y: Map, **window: Any) -> list[Call]:
    """The call that writes the mean of each window of `x` to `y`."""
    return [Call(lib.MG_AVG_POOL2D, x, y, _pool(x, y, window))]


def _pool(x: Map, y: Map, window: dict[str, Any]) -> dict[str, Any]:
    return {"pool": pool_geometry(pool_shape(WHERE, x.shape, **window), x.ld, y.ld)[0]}


def activation(kind: Activation, x: Map, y: Map) -> list[Call]:
    """The call that writes the activation `kind` of `x` to `y`."""
    return [Call(lib.MG_ACTIVATION, x, y, _elementwise(x, x, y, *_kind(kind)))]


def _kind(activation: Activation | None) -> tuple[int, float, float]:
    """enum mg_activation and its settings alpha and beta."""
    if activation is None:
        return lib.MG_NONE, 0, 0
    name, *settings = activation
    alpha, beta = (*settings, 0.0, 0.0)[:2]
    return KINDS[name], alpha, beta


def copy(x: Map, y: Map) -> list[Call]:
    """The call that copies `x` to `y`."""
    return [Call(lib.MG_COPY, x, y, _elementwise(x, x, y))]


def add(a: Map, b: Map, y: Map, activation: Activation | None = None) -> list[Call]:
    """The call that writes activation(a + b) to `y`."""
    return [Call(lib.MG_ADD, a, y, _elementwise(a, b, y, *_kind(activation)), b=b)]


def affine(x: Map, scale: Map | Array, shift: Array | None, y: Map, activation: Activation | None = None) -> list[Call]:
    """The call that writes activation(x * scale + shift) to `y`. scale: an array [c], or a map of one pixel for each image; shift: [c]."""
    n, h, w, c = x.shape
    lds = scale.ld if isinstance(scale, Map) else 0
    return [Call(lib.MG_AFFINE, x, y, {"affine": (n, h * w, c, x.ld, lds, y.ld, *_kind(activation))}, scale, shift)]


def channel_shuffle(x: Map, groups: int, y: Map) -> list[Call]:
    """The call that writes the channels of the `groups` groups of `x` to `y` in turn."""
    n, h, w, c = x.shape
    return [Call(lib.MG_CHANNEL_SHUFFLE, x, y, {"elementwise": (n * h * w, c, x.ld, groups, y.ld)})]


def softmax(x: Map, y: Map) -> list[Call]:
    """The call that writes the softmax of each pixel of `x` to `y`, both dense."""
    return [Call(lib.MG_SOFTMAX, x, y, _elementwise(x, x, y))]


def _elementwise(a: Map, b: Map, y: Map, *activation: float) -> dict[str, Any]:
    n, h, w, c = y.shape
    return {"elementwise": (n * h * w, c, a.ld, b.ld, y.ld, *activation)}


def python(function: Callable[..., Array], arguments: Sequence[tuple[Map | Array, Shape]], y: Map, y_shape: Shape) -> list[Call]:
    """The call of a Python function. arguments: (Map or array, shape) of each; `y` gets what it returns, of shape `y_shape`."""
    x = next(m for m, _ in arguments if isinstance(m, Map))
    return [Call(PYTHON, x, y, {}, algorithm="NumPy", function=function, arguments=(*arguments, (y, y_shape)))]


def _aligned(size: int) -> Array:
    """At least `size` floats, aligned to 64 bytes, which workspace.empty guarantees for large arrays only."""
    return workspace.empty((max(size, workspace.SMALLEST // 4),))


def _without_arrays(call: Call) -> Call:
    w, b = (what if isinstance(what, Map) else None for what in (call.w, call.b))
    return call._replace(w=w, b=b)


class Program:
    """Calls with their memory: constants, one arena, scratch. `run` must not be called by two threads at once.

    m: for which weights were packed; `run` takes any number of threads. calls: without their constants, which are copied.
    runs: groups of successive calls, made all by C or all by Python."""

    def __init__(self, calls: Sequence[Call], m: machine.Machine) -> None:
        self.isa = machine.isa_of(m)  # weights are packed for its tiles
        self.lives = lifetimes([m.buffer for m in call.maps()] for call in calls)
        self.arena = _aligned(allocate(self.lives))
        self.scratch = _aligned(0)
        self.constants = self._gather([a for call in calls for a in call.constants()])
        self.c_calls = ffi.new("struct mg_call[]", [self._c_call(call) for call in calls])
        self.calls = [_without_arrays(call) for call in calls]
        self.runs = [list(run) for _, run in groupby(range(len(calls)), key=lambda i: calls[i].kernel == PYTHON)]

    def _gather(self, arrays: Sequence[Packed | Array]) -> Array:
        """All of `arrays` in one array; `starts` holds where each begins."""
        ends = np.cumsum([0] + [-(-a.size // ALIGNMENT) * ALIGNMENT for a in arrays]).tolist()
        self.starts = {id(a): Buffer(a.size, CONSTANTS, start) for a, start in zip(arrays, ends, strict=False)}
        constants = _aligned(ends[-1])
        for a in arrays:
            start = self.starts[id(a)].offset
            place = constants[start : start + a.size]
            if isinstance(a, Packed):
                a.write(out=place)
            else:
                place[...] = a
        return constants

    def _c_call(self, call: Call) -> dict[str, Any]:
        """`call` as struct mg_call."""
        addresses = {name: self._address(getattr(call, name)) for name in ("x", "y", "w", "b", "residual")}
        return {"kernel": call.kernel, "settings": call.settings} | addresses

    def _address(self, what: Packed | Map | Array | None) -> tuple[int, int]:
        """struct mg_address of a map, of an array among the constants, or of nothing."""
        if what is None:
            return (NOWHERE, 0)
        if isinstance(what, Map):
            return (what.buffer.area, what.buffer.offset + what.first)
        return (CONSTANTS, self.starts[id(what)].offset)

    def run(self, x: Array, ys: Iterable[Array], seconds: Array | None = None) -> None:
        """Makes all calls on the dense array `x`, writing the dense arrays `ys`; seconds [calls]: the time of each, if requested."""
        areas = [self.scratch[:0], self.constants, self.arena, x, *ys]  # by enum mg_area
        pointers = ffi.new("float *[]", [dense("plan", "x", a) for a in areas])
        for run in self.runs:
            if self.calls[run[0]].kernel == PYTHON:
                self._run_python(run, areas, seconds)
            else:
                self._run_c(run, pointers, None if seconds is None else seconds[run[0] : run[-1] + 1])

    def _run_c(self, run: Sequence[int], areas: Pointer, seconds: Array | None) -> None:
        m = machine.current()  # for scratch and run alike; another thread, or a Python function of the plan, may change it in between
        if machine.isa_of(m) != self.isa:
            raise RuntimeError(f"plan: compiled for {self.isa}, but the kernels use {machine.isa_of(m)} now: compile again")
        needed = lib.mg_plan_scratch(self.c_calls, len(self.c_calls), m)
        if needed > self.scratch.size:  # in the first run, and when the number of threads has grown
            self.scratch = _aligned(needed)
        times = NULL if seconds is None else dense("plan", "seconds", seconds, "double[]")
        lib.mg_run_plan(self.c_calls + run[0], len(run), areas, dense("plan", "scratch", self.scratch), times, m)

    def _run_python(self, run: Sequence[int], areas: Sequence[Array], seconds: Array | None) -> None:
        for i in run:
            call = self.calls[i]
            assert call.function is not None
            start = time.perf_counter()
            *xs, y = (view(areas, m, shape) if isinstance(m, Map) else m for m, shape in call.arguments)
            y[...] = call.function(*xs)
            if seconds is not None:
                seconds[i] = time.perf_counter() - start

    @property
    def arena_bytes(self) -> int:
        """Memory of everything between input and output, scratch included."""
        return self.arena.nbytes + self.scratch.nbytes

    @property
    def constant_bytes(self) -> int:
        """Memory of packed weights and biases."""
        return self.constants.nbytes
