"""What an int8 or bf16 plan loses against the float32 plan that it was made from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import kernels
from ..array_types import Array
from ..text import aligned
from .calibration import batches
from .narrow import OWN

if TYPE_CHECKING:
    from .building import Version


class Layer(NamedTuple):
    """One step. decibels: of its signal to its error, 10 log10(sum of squares / sum of squared errors)."""

    step: int
    name: str
    kind: str
    format: str
    decibels: float


class Comparison(NamedTuple):
    """print() shows the table. agreement: the share of images whose largest output is the same; worst: the image whose first output is
    furthest off, and its error relative to the output."""

    layers: list[Layer]
    agreement: float
    worst: int
    worst_error: float

    def __repr__(self) -> str:
        rows = [(str(one.step), one.name, one.kind, one.format, f"{one.decibels:.1f}") for one in self.layers]
        last = f"top-1 agreement {self.agreement:.1%}; worst image {self.worst}: error {self.worst_error:.3g} of its output"
        return f"{aligned([('', 'step', 'kind', 'format', 'SNR in dB'), *rows], right=(0, 4))}\n{last}"


class Recorder:
    """The maps that the calls of a version write, as float32, for one batch; of a strip that of the last call."""

    def __init__(self, version: "Version") -> None:
        self.version = version
        self.maps: dict[int, Array] = {}

    def run(self, x: Array) -> Array:
        """The first output; `maps` has what each call wrote."""
        ys = [np.empty(shape, np.float32) for shape in self.version.output_shapes]
        self.version.program.run(x, ys, watch=self._watch)
        return ys[0]

    def _watch(self, i: int, areas: Sequence[Array]) -> None:
        native, y, formats = kernels.native, self.version.program.calls[i].y, self.version.formats
        written = formats.written[i] if formats else "float32"
        if written == OWN:
            return
        if written == "float32":
            self.maps[i] = native.arena.view(areas, y, y.shape).copy()
        else:
            self.maps[i] = (native.plan_bf16 if written == "bf16" else native.plan_int8).values(areas, y, written)


def compare(exact_version: "Version", version: "Version", images: Array) -> Comparison:
    """An int8 or bf16 version and the float32 version that it was made from on `images`, step by step."""
    assert version.formats is not None
    exact, coarse, sources = Recorder(exact_version), Recorder(version), version.formats.sources
    signal, noise = np.zeros(len(sources)), np.zeros(len(sources))
    outputs = []
    for batch in batches(images, version.input_shape[0]):
        outputs.append((exact.run(batch), coarse.run(batch)))
        for i, source in enumerate(sources):
            right, got = exact.maps[source], coarse.maps.get(i)
            if got is not None and right.shape == got.shape:
                signal[i] += np.square(right, dtype=np.float64).sum()
                noise[i] += np.square(right - got, dtype=np.float64).sum()
    right, got = (np.concatenate(found)[: len(images)].reshape(len(images), -1) for found in zip(*outputs, strict=True))
    errors = np.linalg.norm(right - got, axis=1) / np.maximum(np.linalg.norm(right, axis=1), np.finfo(np.float32).tiny)
    worst = int(errors.argmax())
    agreement = float((right.argmax(axis=1) == got.argmax(axis=1)).mean())
    return Comparison(_layers(version, signal, noise), agreement, worst, float(errors[worst]))


def _layers(version: "Version", signal: Array, noise: Array) -> list[Layer]:
    """A row for each step that computes."""
    assert version.formats is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels = np.where(noise > 0, 10 * np.log10(signal / noise), np.inf)
    calls = version.program.calls
    formats = [written if isinstance(written, str) else "codes" for written in version.formats.written]
    return [
        Layer(i, call.name, call.kind, formats[i], float(decibels[i]))
        for i, call in enumerate(calls)
        if call.kind not in ("pad", "to values", "to float32") and formats[i] != OWN
    ]


def explain(exact: "Version", version: "Version", images: Array) -> None:
    """Notes at each step of such a version its format and its error on `images`, for print(plan)."""
    calls = version.program.calls
    for one in compare(exact, version, images).layers:
        calls[one.step] = calls[one.step]._replace(why=f"{one.format}, {one.decibels:.1f} dB")
