"""Which maps of a plan become narrow: bytes, or bf16.

A buffer does if a convolution or an average reads it; to become bytes, nothing negative must be written to it (all its writers end in
a ReLU, or only move such values). It has one format: so a concatenation's branches write straight into their places. Of bytes it has one
scale too, and a branch of small values has room for larger ones than calibration showed. Pools and paddings move values as they are."""

from collections.abc import Sequence, Set
from typing import Any

from .. import kernels
from .layout import Map
from .lowering import Call

MOST_TERMS = 2**30 // (255 * 127)
Buffer = Any  # kernels.native.arena.Buffer
EXACT = 0.03  # the share of a bf16 plan's multiply-adds that stay in float32 because what they read is


class NarrowMaps:
    """The buffers of `calls` that become narrow, and which of them share a scale.

    in_word: values in 4 bytes; signed: whether they can be negative; odd: buffers that may although words begin between their pixels."""

    def __init__(self, calls: Sequence[Call], in_word: int, signed: bool, odd: Set[Buffer] = frozenset()) -> None:
        self.calls, self.lib, self.in_word, self.signed = calls, kernels.native.program.lib, in_word, signed
        self.moves = {self.lib.MG_MAX_POOL2D, self.lib.MG_PLACE, self.lib.MG_COPY}
        products = [call for call in calls if call.kernel == self.lib.MG_CONV2D_DIRECT]
        self.classifier = products[-1] if products else None  # it stays in float32
        self.images = set() if signed else {id(call) for call in products[:-1] if self._suits_image(call)}  # products of the input
        self.exact = self._exact() if signed else set()
        written = {call.y.buffer for call in calls if call.y.buffer.area == kernels.native.arena.ARENA}
        self.buffers = self._shrunk({buffer for buffer in written if buffer in odd or self._is_aligned(buffer)})
        self.parents: dict[Buffer, Buffer] = {}
        for call in calls:
            if call.kernel in self.moves and self.both(call):
                self.parents[self.root(call.y)] = self.root(call.x)

    def both(self, call: Call) -> bool:
        """Whether a call reads and writes narrow maps."""
        return call.x.buffer in self.buffers and call.y.buffer in self.buffers

    def is_product(self, call: Call) -> bool:
        """Whether a convolution can be computed with narrow maps."""
        kinds = (self.lib.MG_NONE, self.lib.MG_RELU, self.lib.MG_CLIP)
        suits = call.kernel == self.lib.MG_CONV2D_DIRECT and call is not self.classifier and call.residual is None
        return bool(suits and call.settings["conv"].activation in kinds and (self.signed or self._fits(call.settings["conv"])))

    def _fits(self, conv: Any) -> bool:
        """Whether sums of so many products of bytes, and a bias of 30 bits, fit 31 bits."""
        return bool(conv.kh * conv.kw * conv.cin <= MOST_TERMS)

    def reads_image(self, call: Call) -> bool:
        """Whether a call is a convolution of the plan's input that codes of its own are made for."""
        return id(call) in self.images

    def placed(self, call: Call) -> Call | None:
        """The call that writes the canvas that a convolution of the input reads."""
        return next((other for other in self.calls if other.y.buffer is call.x.buffer), None)

    def _suits_image(self, call: Call) -> bool:
        settings, place = call.settings["conv"], self.placed(call)
        alone = sum(other.x.buffer is call.x.buffer for other in self.calls) == 1
        image = call.x if place is None else place.x
        if place is not None and (place.kernel != self.lib.MG_PLACE or not alone):
            return False
        dense = image.buffer.area == kernels.native.arena.INPUT and image.whole
        few = settings.cin <= self.lib.MG_IMAGE_CHANNELS and settings.groups == 1 and settings.dilation_w == settings.dilation_h == 1
        return bool(dense and few and self.is_product(call))

    def _exact(self) -> set[int]:
        """The products of maps that an operation in float32 wrote, from the first one on, while they are EXACT of all work: they read these
        maps as they are. Behind a normalisation (LRN) that takes more of a network's error away than it costs of its time."""
        written: dict[bool, set[Buffer]] = {True: set(), False: set()}  # by products; by others
        for call in self.calls:
            for by_product, buffers in written.items():
                if call.x.buffer in buffers if call.kernel in self.moves else self.is_product(call) == by_product:
                    buffers.add(call.y.buffer)
        left, found = EXACT * sum(call.multiply_adds for call in self.calls), set()
        for call in self.calls:
            if self.is_product(call) and call.x.buffer in written[False] - written[True] and call.multiply_adds <= left:
                left -= call.multiply_adds
                found.add(id(call))
        return found

    def root(self, m: Map) -> Buffer:
        """The buffer by whose values the scale of a map is chosen."""
        buffer = m.buffer
        while self.parents.get(buffer, buffer) is not buffer:
            buffer = self.parents[buffer]
        return buffer

    def _is_aligned(self, buffer: Buffer) -> bool:
        maps = [m for call in self.calls for m in call.maps() if m.buffer is buffer]
        return all(m.first % self.in_word == 0 and m.ld % self.in_word == 0 for m in maps)

    def _shrunk(self, buffers: set[Buffer]) -> set[Buffer]:
        """Those of `buffers` that become narrow: the others are taken away until none is left."""
        while True:
            negative = set() if self.signed else {call.y.buffer for call in self.calls if not self._is_positive(call, buffers)}
            kept = buffers - negative
            kept = {b for b in kept if any(self._gains(call, kept) for call in self.calls if call.x.buffer is b)}
            if kept == buffers:
                return kept
            buffers = kept

    def _is_positive(self, call: Call, buffers: set[Buffer]) -> bool:
        """Whether a call writes nothing negative."""
        if call.kernel in self.moves or call.kernel == self.lib.MG_LRN:
            return call.x.buffer in buffers or call.x.buffer in self._positive_sources(call)
        settings: Any = next(iter(call.settings.values()), None)
        if call.kernel in (self.lib.MG_CONV2D_DIRECT, self.lib.MG_CONV2D_WINOGRAD, self.lib.MG_DEPTHWISE):
            kind, low = settings.activation, settings.alpha
        elif call.kernel in (self.lib.MG_ACTIVATION, self.lib.MG_ADD):
            kind, low = settings[5], settings[6]
        else:
            return False
        return bool(kind == self.lib.MG_RELU or (kind == self.lib.MG_CLIP and low >= 0))

    def _positive_sources(self, call: Call) -> set[Buffer]:
        """The buffer that a call reads, if all its writers write nothing negative although it does not become narrow."""
        writers = [other for other in self.calls if other.y.buffer is call.x.buffer]
        return {call.x.buffer} if writers and all(self._is_positive(other, set()) for other in writers) else set()

    def _gains(self, call: Call, buffers: set[Buffer]) -> bool:
        """Whether a call is better off with a narrow map as its input."""
        if call.kernel in self.moves:
            return call.y.buffer in buffers - {call.x.buffer} and not self._pools_floats(call, buffers)
        return (self.is_product(call) and id(call) not in self.exact) or call.kernel == self.lib.MG_AVG_POOL2D

    def _pools_floats(self, call: Call, buffers: set[Buffer]) -> bool:
        """Whether a call is a max pool of what products in float32 wrote: it stays in float32, so that the largest map of many networks,
        between the first convolution and its pool, is made in strips and never in memory. Rounding does not change which is largest."""
        writers = [other for other in self.calls if other.y.buffer is call.x.buffer]
        floats = all(
            other.kernel == self.lib.MG_CONV2D_DIRECT and other.x.buffer not in buffers and not self.reads_image(other) for other in writers
        )
        return bool(call.kernel == self.lib.MG_MAX_POOL2D and floats)
