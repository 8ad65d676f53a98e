"""Plans of bf16: maps and weights have the upper halves of float32 numbers, sums are float32 (narrow.py)."""

from collections.abc import Sequence
from typing import Any

from .. import kernels
from .layout import Map
from .lowering import Call
from .narrow import Formats, NarrowSteps
from .narrow_maps import NarrowMaps


class Bf16Steps(NarrowSteps):
    """The calls of a bf16 plan."""

    def __init__(self, calls: Sequence[Call], machine: Any) -> None:
        self.machine = machine
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
        return make(self.machine, call, self.narrow(call.x), y, self.limits(conv))

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


def bf16_calls(calls: Sequence[Call], machine: Any) -> tuple[list[Call], Formats]:
    """The calls of a bf16 plan instead of these float32 calls, and their formats."""
    found = Bf16Steps(calls, machine)
    return found.steps, Formats(found.sources, found.formats)
