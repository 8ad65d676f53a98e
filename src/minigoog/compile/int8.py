"""From the float32 calls of a plan to calls on bytes: scales from calibration images, then call by call.

What stays in float32: the first convolution, which reads the image, the last product (the classifier), and every operation without a
kernel for bytes. Between the two kinds stand calls that make codes of values and values of codes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..checks import check_array
from .byte_maps import ByteMaps
from .calibration import LARGEST_CODE, Observed, scale_of
from .layout import Map
from .lowering import Call

INFINITY = float("inf")


class Formats(NamedTuple):
    """Of each call of an int8 plan: the number of the float32 call that it does or prepares, and the scale of the codes that it writes
    (None: it writes float32)."""

    sources: list[int]
    scales: list[float | None]


def check_images(where: str, name: str, images: Any, shape: Shape) -> Array:
    """`images` if they are float32 [n, h, w, c], at least one, of the size in `shape`, without NaN and infinity; else an error."""
    check_array(where, name, images, dtype=np.float32, ndim=4)
    if len(images) == 0 or images.shape[1:] != shape[1:]:
        raise ValueError(f"{where}: `{name}` has shape {images.shape}, expected at least one image of {shape[1:]}")
    if not np.isfinite(images).all():
        raise ValueError(f"{where}: `{name}` has NaN or infinite values, expected numbers")
    found: Array = images
    return found


def batches(images: Array, n: int) -> list[Array]:
    """`images` in dense batches of n; the last one repeats its last image."""
    found = [images[i : i + n] for i in range(0, len(images), n)]
    found[-1] = np.concatenate([found[-1], np.repeat(found[-1][-1:], n - len(found[-1]), axis=0)])
    return [np.ascontiguousarray(batch) for batch in found]


def observe(calls: Sequence[Call], maps: ByteMaps, machine: Any, images: Array, output_shapes: Sequence[Shape]) -> Observed:
    """What the float32 calls read and write, for all images."""
    program = kernels.native.program.Program(calls, machine)
    found = Observed({}, {})
    parts = batches(images, calls[0].x.shape[0])

    def watch(i: int, areas: Sequence[Array]) -> None:
        x, y = calls[i].x, calls[i].y
        if y.buffer in maps.buffers and calls[i].kernel not in maps.moves:
            largest = float(kernels.native.arena.view(areas, y, y.shape).max(initial=0))
            found.largest[maps.root(y)] = max(found.largest.get(maps.root(y), 0.0), largest)
        if x.buffer in maps.buffers and maps.is_product(calls[i]):
            mean = kernels.native.arena.view(areas, x, x.shape).mean(axis=(0, 1, 2), dtype=np.float64) / len(parts)
            found.means[i] = found.means.get(i, 0) + mean

    for batch in parts:
        program.run(batch, [np.empty(shape, np.float32) for shape in output_shapes], watch=watch)
    return found


class Int8Steps:
    """The calls of an int8 plan, `steps`, made one by one; sources and scales as in Formats."""

    def __init__(self, calls: Sequence[Call], maps: ByteMaps, seen: Observed, machine: Any) -> None:
        self.native, self.lib, self.machine = kernels.native.plan_int8, maps.lib, machine
        self.maps, self.seen = maps, seen
        self.buffers = {b: self.native.byte_buffer(b.size) for b in maps.buffers}
        self.steps: list[Call] = []
        self.sources: list[int] = []
        self.scales: list[float | None] = []
        for i, call in enumerate(calls):
            for step in self._steps_of(i, call):
                self.steps.append(step)
                self.sources.append(i)
                self.scales.append(self._scale(call.y) if isinstance(step.y, self.native.ByteMap) else None)

    def _scale(self, m: Map) -> float:
        return scale_of(self.seen.largest[self.maps.root(m)])

    def _bytes(self, m: Map) -> Any:
        return self.native.as_bytes(m, self.buffers[m.buffer])

    def _steps_of(self, i: int, call: Call) -> list[Call]:
        maps, reads, writes = self.maps, call.x.buffer in self.maps.buffers, call.y.buffer in self.maps.buffers
        if reads and maps.is_product(call):
            return [self._product(i, call, writes)]
        if call.kernel in maps.moves and maps.both(call):
            made = {self.lib.MG_MAX_POOL2D: self.native.max_pool, self.lib.MG_PLACE: self.native.place, self.lib.MG_COPY: self.native.copy}
            return [made[call.kernel](call, self._bytes(call.x), self._bytes(call.y))]
        if reads and call.kernel == self.lib.MG_AVG_POOL2D:
            return [self.native.avg_pool(call, self._bytes(call.x), call.y, self._scale(call.x))]
        return self._in_float32(call)

    def _product(self, i: int, call: Call, to_codes: bool) -> Call:
        conv = call.settings["conv"]
        known = {self.lib.MG_RELU: (0.0, INFINITY), self.lib.MG_CLIP: (conv.alpha, conv.beta)}
        low, high = known.get(conv.activation, (-INFINITY, INFINITY))
        codes = self.native.Codes(self._bytes(call.x), self._scale(call.x), self.seen.means[i])
        if not to_codes:
            return self.native.convolution(self.machine, call, codes, call.y, None, (low, high))
        scale = self._scale(call.y)
        limits = max(0.0, low / scale), min(LARGEST_CODE, high / scale)
        return self.native.convolution(self.machine, call, codes, self._bytes(call.y), scale, limits)

    def _in_float32(self, call: Call) -> list[Call]:
        """`call` with values in buffers of its own instead of bytes, between calls that convert them."""
        own: dict[int, Map] = {}
        before = []
        for m in call.maps():
            if m.buffer in self.maps.buffers and id(m) not in own:
                own[id(m)] = m._replace(buffer=kernels.native.arena.Buffer(m.buffer.size))
                if m is not call.y:
                    before.append(self.native.dequantize(call, self._bytes(m), own[id(m)], self._scale(m)))
        if not own:
            return [call]
        after = [self.native.quantize(call, own[id(call.y)], self._bytes(call.y), self._scale(call.y))] if id(call.y) in own else []
        return [*before, _on(call, own), *after]


def _on(call: Call, own: dict[int, Map]) -> Call:
    """`call` with these maps instead of its own, by id."""
    changed = {name: own[id(m)] for name in ("x", "y", "w", "b", "residual") if id(m := getattr(call, name)) in own}
    return call._replace(**changed, arguments=tuple((own.get(id(m), m), shape) for m, shape in call.arguments))


def int8_calls(calls: Sequence[Call], machine: Any, images: Array, output_shapes: Sequence[Shape]) -> tuple[list[Call], Formats]:
    """The calls of an int8 plan instead of these float32 calls, and their formats; scales from `images`."""
    maps = ByteMaps(calls)
    found = Int8Steps(calls, maps, observe(calls, maps, machine, images, output_shapes), machine)
    return found.steps, Formats(found.sources, found.scales)
