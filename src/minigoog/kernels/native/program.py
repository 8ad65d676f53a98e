"""Prepared calls with their memory, run by C alone (csrc/plan.c), or by Python where a call is a Python function."""

import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array
from . import by_image, machine, workspace
from .arena import ALIGNMENT, CONSTANTS, NOWHERE, Buffer, Map, allocate, lifetimes, view
from .plan import PYTHON, Call, Packed
from .pointers import NULL, Pointer, dense


def _aligned(size: int) -> Array:
    """At least `size` floats, aligned to 64 bytes, which workspace.empty guarantees for large arrays only."""
    return workspace.empty((max(size, workspace.SMALLEST // 4),))


def _without_arrays(call: Call) -> Call:
    w, b = (what if isinstance(what, Map) else None for what in (call.w, call.b))
    return call._replace(w=w, b=b)


def _divide(settings: Any, images: int) -> None:
    """Makes settings in C those of one image: their first field counts images, or pixels of all images."""
    first = ffi.typeof(settings).fields[0][0]
    setattr(settings, first, getattr(settings, first) // images)


class Program:
    """Calls with their memory: constants, one arena, scratch. `run` must not be called by two threads at once.

    m: for which weights were packed; `run` takes any number of threads. calls: without their constants, which are copied.
    runs: groups of successive calls, made all by C or all by Python."""

    def __init__(self, calls: Sequence[Call], m: machine.Machine) -> None:
        self.isa = machine.isa_of(m)  # weights are packed for its tiles
        self.lives = lifetimes(by_image.touched(calls))
        self.arena = _aligned(allocate(self.lives))
        self.scratch = _aligned(0)
        self.constants = self._gather([a for call in calls for a in call.constants()])
        self.c_calls = ffi.new("struct mg_call[]", [self._c_call(call) for call in calls])
        for call, c_call in zip(calls, self.c_calls, strict=True):
            _divide(getattr(c_call.settings, next(iter(call.settings), "conv")), call.images)
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
        return {"kernel": call.kernel, "images": call.images, "settings": call.settings} | addresses

    def _address(self, what: Packed | Map | Array | None) -> tuple[int, int, int]:
        """struct mg_address of a map, of an array among the constants, or of nothing."""
        if what is None:
            return (NOWHERE, 0, 0)
        if isinstance(what, Map):
            return (what.buffer.area, what.buffer.offset + what.first, what.image)
        return (CONSTANTS, self.starts[id(what)].offset, 0)

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
