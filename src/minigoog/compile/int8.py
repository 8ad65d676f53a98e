"""Plans of bytes: scales from calibration images, then call by call (narrow.py)."""

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..kernels.reference.int8 import LARGEST_CODE
from ..kernels.reference.int8_rounding import Feedback, feedback
from .calibration import Moments, Observed, batches, by_image, image_codes, read_first, sampled, scale_of, windows
from .layout import Map
from .lowering import Call
from .narrow import Formats, NarrowSteps
from .narrow_maps import NarrowMaps


def observe(
    calls: Sequence[Call], maps: NarrowMaps, machine: Any, images: Array, n: int, output_shapes: Sequence[Shape]
) -> Observed:
    """What the float32 calls of a plan for `n` images read and write.

    Image by image: so plans for any number of images have the same scales and weights."""
    program = kernels.native.program.Program(calls, machine)
    found = Observed({}, {}, defaultdict(Moments), (images.min(axis=(0, 1, 2)), images.max(axis=(0, 1, 2))))
    products = [(i, c.x, c.settings["conv"].cin) for i, c in enumerate(calls) if c.x.buffer in maps.buffers and maps.is_product(c)]
    first = read_first(products, lambda x: len(images) * sampled(math.prod(x.shape[:3]) // n))

    def watch(i: int, areas: Sequence[Array], count: int) -> None:
        x, y = calls[i].x, calls[i].y
        if maps.reads_image(calls[i]):
            for values in by_image(kernels.native.arena.view(areas, x, x.shape), n)[:count]:
                found.moments[x].add(windows(values, calls[i].settings["conv"]))
        if y.buffer in maps.buffers and not (calls[i].kernel in maps.moves and maps.both(calls[i])):
            largest = float(kernels.native.arena.view(areas, y, y.shape).max(initial=0))
            if not math.isfinite(largest):
                raise ValueError(f"compile: with `calibrate`, {calls[i].name!r} computes NaN or infinite values, which have no codes")
            found.largest[maps.root(y)] = max(found.largest.get(maps.root(y), 0.0), largest)
        reader, moments = first.get(x, (-1, False))
        there = by_image(kernels.native.arena.view(areas, x, x.shape), n)[:count] if reader == i else []
        for values in there:
            share = len(images) * len(there) / count
            found.means[x] = found.means.get(x, 0) + values.mean(axis=(0, 1, 2), dtype=np.float64) / share
            if moments:
                found.moments[x].add(values)

    for start, batch in zip(range(0, len(images), n), batches(images, n), strict=True):
        count = min(n, len(images) - start)  # the others are repetitions of the last
        program.run(batch, [np.empty(shape, np.float32) for shape in output_shapes], watch=partial(watch, count=count))
    return found


class Int8Steps(NarrowSteps):
    """The calls of an int8 plan."""

    def __init__(self, calls: Sequence[Call], maps: NarrowMaps, seen: Observed, machine: Any) -> None:
        self.seen, self.machine = seen, machine
        self.feedback = cache(self._feedback)
        self.places = [maps.placed(call) for call in calls if maps.reads_image(call)]
        super().__init__(calls, maps, kernels.native.plan_int8)

    def _feedback(self, x: Map, first: int, end: int) -> Feedback | None:
        moments = self.seen.moments[x]
        return None if moments.count < end - first else feedback(moments.covariance[first:end, first:end])

    def _steps_of(self, i: int, call: Call) -> list[Call]:
        if any(call is place for place in self.places):
            return []  # made with the codes
        is_last = call is self.maps.classifier
        if is_last and self.native.is_of_vectors(call):
            last: list[Call] = self.native.last_product(self.machine, call, self.limits(call.settings["conv"]))
            return last
        return self._image(call) if self.maps.reads_image(call) else super()._steps_of(i, call)

    def _image(self, call: Call) -> list[Call]:
        """The convolution `call` of the plan's input."""
        conv, to_codes = call.settings["conv"], call.y.buffer in self.maps.buffers
        (scales, zeros), moments = image_codes(*self.seen.range), self.seen.moments[call.x]
        in_window = np.tile(scales, conv.kh * conv.kw)
        means = (moments.means / in_window).reshape(conv.kh, conv.kw, conv.cin)
        by = feedback(moments.covariance * moments.step**2 / np.multiply.outer(in_window, in_window))
        image = self.native.Image(scales, zeros, means, by)
        scale, y = (self.scale(call.y), self.narrow(call.y)) if to_codes else (None, call.y)
        limits, place = self._limits_of(conv, scale), self.maps.placed(call)
        found: list[Call] = self.native.image_convolution(self.machine, place, call, image, y, scale, limits)
        return found

    def _limits_of(self, conv: Any, scale: float | None) -> tuple[float, float]:
        low, high = self.limits(conv)
        return (low, high) if scale is None else (max(0.0, low / scale), min(LARGEST_CODE, high / scale))

    def scale(self, m: Map) -> float:
        return scale_of(self.seen.largest[self.maps.root(m)])

    def product(self, i: int, call: Call, to_codes: bool) -> Call:
        conv = call.settings["conv"]
        codes = self.native.Codes(self.narrow(call.x), self.scale(call.x), self.seen.means[call.x], partial(self.feedback, call.x))
        scale, y = (self.scale(call.y), self.narrow(call.y)) if to_codes else (None, call.y)
        return self.native.convolution(self.machine, call, codes, y, scale, self._limits_of(conv, scale))

    def average(self, call: Call) -> Call:
        return self.native.avg_pool(call, self.narrow(call.x), call.y, self.scale(call.x))

    def to_narrow(self, call: Call, x: Map, y: Map) -> Call:
        return self.native.quantize(call, x, self.narrow(y), self.scale(y))

    def to_values(self, call: Call, x: Map, y: Map) -> Call:
        return self.native.dequantize(call, self.narrow(x), y, self.scale(x))


def int8_calls(
    calls: Sequence[Call], machine: Any, images: Array, n: int, output_shapes: Sequence[Shape]
) -> tuple[list[Call], Formats]:
    """The calls of an int8 plan instead of these float32 calls, and their formats; scales from `images`."""
    maps = NarrowMaps(calls, in_word=4, signed=False)
    found = Int8Steps(calls, maps, observe(calls, maps, machine, images, n, output_shapes), machine)
    return found.steps, Formats(found.sources, found.formats)
