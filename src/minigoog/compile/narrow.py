"""From the float32 calls of a plan to calls on narrow maps, of bytes or bf16, call by call.

What stays in float32: in bf16 plans the first convolution, which reads the image, the last product (the classifier; in int8 plans it is in
bf16), and every operation without a kernel for such maps. Between the two kinds stand calls that convert."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import kernels
from .layout import Map
from .lowering import Call
from .narrow_maps import NarrowMaps

INFINITY = float("inf")
OWN = "own"


class Formats(NamedTuple):
    """Of each call of a plan with narrow maps: the number of the float32 call that it does or prepares, and what it writes: "float32",
    "bf16", the scale of codes, or OWN: a map beside those of the float32 plan."""

    sources: list[int]
    written: list[float | str]


class NarrowSteps(ABC):
    """The calls of a plan with narrow maps, `steps`, made one by one; sources and formats as in Formats."""

    def __init__(self, calls: Sequence[Call], maps: NarrowMaps, native: Any) -> None:
        self.maps, self.native, self.moving = maps, native, kernels.native.plan_narrow
        self.buffers = {b: self.moving.buffer(b.size, native.ITEM) for b in maps.buffers}
        self.steps: list[Call] = []
        self.sources: list[int] = []
        self.formats: list[float | str] = []
        for i, call in enumerate(calls):
            for step in self._steps_of(i, call):
                self.steps.append(step)
                self.sources.append(i)
                self.formats.append(self._format(call, step))

    def _format(self, call: Call, step: Call) -> float | str:
        if not isinstance(step.y, self.moving.NarrowMap):
            return "float32"
        found: float | str = self.scale(call.y) if step.y.buffer is self.buffers.get(call.y.buffer) else OWN
        return found

    @abstractmethod
    def scale(self, m: Map) -> Any:
        """What Formats says of a narrow map."""

    @abstractmethod
    def product(self, i: int, call: Call, to_narrow: bool) -> Call:
        """Call number i, a convolution of a narrow map, to a narrow map or to float32."""

    @abstractmethod
    def average(self, call: Call) -> Call:
        """An average pooling of a narrow map, in float32."""

    @abstractmethod
    def to_narrow(self, call: Call, x: Map, y: Map) -> Call:
        """The conversion of `x`, in float32, after `call`, to the narrow map of `y`."""

    @abstractmethod
    def to_values(self, call: Call, x: Map, y: Map) -> Call:
        """The conversion of the narrow map of `x`, before `call`, to `y`, in float32."""

    def narrow(self, m: Map) -> Any:
        """The narrow map of `m`."""
        return self.moving.narrow(m, self.buffers[m.buffer], self.native.ITEM)

    def limits(self, conv: Any) -> tuple[float, float]:
        """Between which values the activation of a convolution leaves its sums."""
        known = {self.maps.lib.MG_RELU: (0.0, INFINITY), self.maps.lib.MG_CLIP: (conv.alpha, conv.beta)}
        return known.get(conv.activation, (-INFINITY, INFINITY))

    def _steps_of(self, i: int, call: Call) -> list[Call]:
        maps, lib, reads = self.maps, self.maps.lib, call.x.buffer in self.maps.buffers
        if reads and maps.is_product(call):
            return [self.product(i, call, call.y.buffer in maps.buffers)]
        if call.kernel in maps.moves and maps.both(call):
            return [self._moved(call, self.narrow(call.x), self.narrow(call.y))]
        if reads and call.kernel == lib.MG_AVG_POOL2D and call.y.buffer not in maps.buffers:
            return [self.average(call)]
        return self._in_float32(call)

    def _moved(self, call: Call, x: Any, y: Any) -> Any:
        if call.kernel == self.maps.lib.MG_MAX_POOL2D:
            return self.moving.max_pool(call, x, y, self.native.MAX_POOL)
        move = self.moving.place if call.kernel == self.maps.lib.MG_PLACE else self.moving.copy
        return move(call, x, y, self.native.ITEM)

    def _in_float32(self, call: Call) -> list[Call]:
        """`call` with values in buffers of its own instead of narrow maps, between calls that convert them."""
        own: dict[int, Map] = {}
        before = []
        for m in call.maps():
            if m.buffer in self.maps.buffers and id(m) not in own:
                own[id(m)] = m._replace(buffer=kernels.native.arena.Buffer(m.buffer.size))
                if m is not call.y:
                    before.append(self.to_values(call, m, own[id(m)]))
        if not own:
            return [call]
        after = [self.to_narrow(call, own[id(call.y)], call.y)] if id(call.y) in own else []
        return [*before, _on(call, own), *after]


def _on(call: Call, own: dict[int, Map]) -> Call:
    """`call` with these maps instead of its own, by id."""
    changed = {name: own[id(m)] for name in ("x", "y", "w", "b", "residual") if id(m := getattr(call, name)) in own}
    return call._replace(**changed, arguments=tuple((own.get(id(m), m), shape) for m, shape in call.arguments))
