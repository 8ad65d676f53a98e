"""Plans of bf16: maps and weights have the upper halves of float32 numbers, sums are float32 (narrow.py)."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..kernels.reference.int8_rounding import Feedback, feedback
from .calibration import Moments, batches, read_first, sampled
from .layout import Map
from .lowering import Call
from .narrow import Formats, NarrowSteps
from .narrow_maps import NarrowMaps


class Bf16Steps(NarrowSteps):
    """The calls of a bf16 plan. moments: of what products read, by the float32 map that it is in place of."""

    def __init__(self, calls: Sequence[Call], machine: Any, moments: Mapping[Map, Moments]) -> None:
        self.machine, self.moments = machine, moments
        self.folded = _folded(calls)
        super().__init__(calls, NarrowMaps(calls, in_word=2, signed=True, odd=self.folded), kernels.native.plan_bf16)

    def scale(self, m: Map) -> str:
        return "bf16"

    def product(self, i: int, call: Call, to_narrow: bool) -> Call:
        conv = call.settings["conv"]
        y = self.narrow(call.y) if to_narrow else call.y
        if call.x.buffer in self.folded:
            return self.native.folded(self.machine, call, self.narrow(call.x), y, self.limits(conv))
        make = self.native.winograd if to_narrow and self.native.winograd_pays(conv) else self.native.convolution
        return make(self.machine, call, self.narrow(call.x), y, self.limits(conv), partial(self.feedback, call.x))

    def feedback(self, x: Map, first: int, end: int) -> Feedback | None:
        """How the rounding errors of weights that multiply these channels of `x` are made up for; None where too little is known of them.

        By their second moments, not their covariance: no bias is changed, so that sums of errors times means have to be small too."""
        seen = self.moments.get(x)
        if seen is None or seen.count < end - first:
            return None
        assert isinstance(seen.products, np.ndarray)
        return feedback(seen.products[first:end, first:end] / seen.count)

    def average(self, call: Call) -> Call:
        return self.native.avg_pool(call, self.narrow(call.x), call.y)

    def to_narrow(self, call: Call, x: Map, y: Map) -> Call:
        return self.native.to_bf16(call, x, self.narrow(y))

    def to_values(self, call: Call, x: Map, y: Map) -> Call:
        return self.native.from_bf16(call, self.narrow(x), y)


def _folded(calls: Sequence[Call]) -> set[Any]:
    """The canvases of images whose convolutions take two pixels as one of twice the channels."""
    native, lib = kernels.native.plan_bf16, kernels.native.program.lib
    found = {call.x.buffer for call in calls if call.kernel == lib.MG_CONV2D_DIRECT and native.folds(call.settings["conv"])}
    for call in calls:
        for m in call.maps():
            suits = m is call.y and call.kernel == lib.MG_PLACE if m is not call.x else call.kernel == lib.MG_CONV2D_DIRECT
            if m.buffer in found and not (suits and (m is call.y or native.folds(call.settings["conv"]))):
                found.remove(m.buffer)
    return found


def observe(
    calls: Sequence[Call], machine: Any, images: Array, n: int, output_shapes: Sequence[Shape]
) -> dict[Map, Moments]:
    """Moments of what the products of a bf16 plan for `n` images read, over all images.

    Its own bf16 numbers, which are the same on every instruction set, and image by image: so plans for any number of images have the
    same weights."""
    plan = Bf16Steps(calls, machine, {})
    program, found = kernels.native.program.Program(plan.steps, machine), defaultdict[Map, Moments](Moments)
    products = [(i, calls[source].x, calls[source].settings["conv"].cin) for i, source in enumerate(plan.sources)
                if plan.steps[i].algorithm.startswith("bf16") and calls[source].x.buffer not in plan.folded]  # fmt: skip
    first = read_first(((i, x, channels) for i, x, channels in products if x.shape[0] % n == 0),
                       lambda x: len(images) * sampled(math.prod(x.shape[1:3]) * (x.shape[0] // n)))  # fmt: skip
    watched = {i: x for x, (i, used) in first.items() if used}
    for start, batch in zip(range(0, len(images), n), batches(images, n), strict=True):

        def watch(i: int, areas: Sequence[Array], count: int = min(n, len(images) - start)) -> None:
            if i in watched:
                images_there = np.split(kernels.native.plan_bf16.values(areas, program.calls[i].x, "bf16"), n)[:count]
                for values in images_there:
                    if np.isfinite(values).all():
                        found[watched[i]].add(values)

        program.run(batch, [np.empty(shape, np.float32) for shape in output_shapes], watch=watch)
    return found


def bf16_calls(
    calls: Sequence[Call], machine: Any, images: Array | None, n: int, output_shapes: Sequence[Shape]
) -> tuple[list[Call], Formats]:
    """The calls of a bf16 plan instead of these float32 calls, and their formats; weights rounded by `images`, if there are some."""
    moments = {} if images is None else observe(calls, machine, images, n, output_shapes)
    found = Bf16Steps(calls, machine, moments)
    return found.steps, Formats(found.sources, found.formats)
