"""Prepared calls with their memory, run by C alone (csrc/plan.c), or by Python where a call is a Python function."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from minigoog._native import ffi, lib

from ...array_types import Array
from . import by_image, crowding, machine, strips
from .arena import ARENA, CONSTANTS, NOWHERE, PRIVATE, Map, allocate, lifetimes, view
from .bounds import Areas
from .constants import Constants, aligned
from .described import describe
from .plan import PYTHON, Call, Packed
from .pointers import NULL, Pointer, dense


def _without_arrays(call: Call) -> Call:
    w, b = (what if isinstance(what, Map) else None for what in (call.w, call.b))
    return call._replace(w=w, b=b)


def _divide(settings: Any, images: int) -> None:
    """Makes settings in C those of one image: their first field counts images, or pixels of all images."""
    first = ffi.typeof(settings).fields[0][0]
    setattr(settings, first, getattr(settings, first) // images)


def constants_of(calls: Sequence[Call]) -> list[Packed | Array]:
    """The packed weights and biases of all calls."""
    return [a for call in calls for a in call.constants()]


class Memory:
    """What one run at a time writes to: an arena, what each thread has for itself, scratch. Each grows when a run needs more."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def of(self, name: str, size: int) -> Array:
        """At least `size` floats, whatever is in them."""
        if name not in self.arrays or self.arrays[name].size < size:
            self.arrays[name] = aligned(size)
        return self.arrays[name]


class Program:
    """Calls with their constants, and how much memory they need. Any number of threads may `run` it at once, each with its own Memory.

    m: for which weights were packed; `run` takes any number of threads. calls: without their constants, which are copied.
    runs: groups of successive calls, made all by C or all by Python."""

    def __init__(self, calls: Sequence[Call], m: machine.Machine, constants: Constants | None = None) -> None:
        self.isa = machine.isa_of(m)  # weights are packed for its tiles
        touched = by_image.touched(calls)
        strips.shrink(calls, touched)
        self.lives, self.private_lives = lifetimes(touched, ARENA), lifetimes(touched, PRIVATE)
        self.arena_size, self.own_size = allocate(self.lives), allocate(self.private_lives)
        arrays = constants_of(calls)
        constants = constants or Constants(arrays)
        self.starts = {id(a): constants.place(a) for a in arrays}
        self.constants = constants.array
        self.c_calls = ffi.new("struct mg_call[]", [self._c_call(call) for call in calls])
        for call, c_call in zip(calls, self.c_calls, strict=True):
            if call.images > 1:
                _divide(getattr(c_call.settings, next(iter(call.settings))), call.images)
        self._take([_without_arrays(call) for call in calls])

    def _take(self, calls: list[Call]) -> None:
        self.calls = calls
        self.runs = [list(run) for _, run in groupby(range(len(calls)), key=lambda i: calls[i].kernel == PYTHON)]

    @classmethod
    def ready(cls, m: machine.Machine, calls: list[Call], c_calls: Pointer, constants: Array, areas: Areas) -> "Program":
        """A program of calls that exist in C already, from a file, and have been checked against `areas`."""
        program = cls.__new__(cls)
        program.isa, program.c_calls, program.constants = machine.isa_of(m), c_calls, constants
        program.arena_size, program.own_size = areas.used[ARENA], areas.used[PRIVATE]
        program._take(calls)
        return program

    def described(self) -> list[dict[str, Any]]:
        """The calls as values of JSON."""
        return [describe(call, c_call) for call, c_call in zip(self.calls, self.c_calls, strict=True)]

    def _c_call(self, call: Call) -> dict[str, Any]:
        """`call` as struct mg_call."""
        addresses = {name: self._address(getattr(call, name)) for name in ("x", "y", "w", "b", "residual")}
        order = {"images": call.images, "strip": call.strip, "strip_rows": call.strip_rows}
        return {"kernel": call.kernel, "settings": call.settings} | order | addresses

    def _address(self, what: Packed | Map | Array | None) -> tuple[int, int, int]:
        """struct mg_address of a map, of an array among the constants, or of nothing."""
        if what is None:
            return (NOWHERE, 0, 0)
        if isinstance(what, Map):
            return (what.buffer.area, what.buffer.offset + what.first, what.image)
        return (CONSTANTS, self.starts[id(what)].offset, 0)

    def run(self, x: Array, ys: Iterable[Array], seconds: Array | None = None, memory: Memory | None = None,
            watch: Callable[[int, Sequence[Array]], None] | None = None) -> None:
        """Makes all calls on the dense array `x`, writing the dense arrays `ys`; seconds [calls]: the time of each, if requested.
        memory: of no other run at the same time. watch(i, areas) is called after call number i, of a strip after the last."""
        memory = memory or Memory()
        with crowding.of_process.run(machine.current()) as m:  # for scratch and runs alike; it may change in between
            self._run(x, ys, seconds, memory, watch, m)

    def _run(self, x: Array, ys: Iterable[Array], seconds: Array | None, memory: Memory,
             watch: Callable[[int, Sequence[Array]], None] | None, m: machine.Machine) -> None:
        if machine.isa_of(m) != self.isa:
            raise RuntimeError(f"plan: compiled for {self.isa}, but the kernels use {machine.isa_of(m)} now: compile again")
        scratch = memory.of("scratch", lib.mg_plan_scratch(self.c_calls, len(self.c_calls), m))
        own = memory.of("own", m.threads * self.own_size)
        areas = [scratch[:0], self.constants, memory.of("arena", self.arena_size), own, x, *ys]  # by enum mg_area
        pointers = ffi.new("float *[]", [dense("plan", "x", a) for a in areas])
        c_memory = ffi.new("struct mg_memory *", (pointers, self.own_size, dense("plan", "scratch", scratch)))
        for run in self.runs if watch is None else self._one_by_one():
            if self.calls[run[0]].kernel == PYTHON:
                self._run_python(run, areas, seconds)
            else:
                times = NULL if seconds is None else dense("plan", "seconds", seconds[run[0] : run[-1] + 1], "double[]")
                lib.mg_run_plan(self.c_calls + run[0], len(run), c_memory, times, m)
            if watch is not None:
                watch(run[-1], areas)

    def _one_by_one(self) -> list[list[int]]:
        """The numbers of the calls, those of a strip together."""
        found, i = [], 0
        while i < len(self.calls):
            found.append(list(range(i, i + max(self.calls[i].strip, 1))))
            i = found[-1][-1] + 1
        return found

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
    def memory_bytes(self) -> int:
        """What a run writes to between input and output, with the number of threads that is set."""
        m = machine.current()
        return 4 * int(self.arena_size + m.threads * self.own_size + lib.mg_plan_scratch(self.c_calls, len(self.c_calls), m))

    @property
    def constant_bytes(self) -> int:
        """Memory of packed weights and biases."""
        return self.constants.nbytes
