"""The layers of a network of Caffe, the same from both versions of its files, as far as they take part in an inference."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ...reading import DamagedFile
from ...text import listed, printable, shortened
from .schema import ENUMERATIONS, Message, one, part

V1_NAMES = {  # where a type's name in version 2 is not its name in version 1, capitalised
    "RELU": "ReLU", "LRN": "LRN", "TANH": "TanH", "SOFTMAX_LOSS": "SoftmaxWithLoss", "BNLL": "BNLL", "MVN": "MVN", "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
}  # fmt: skip
V1_TYPES = {number: V1_NAMES.get(name, name.title().replace("_", "")) for name, number in ENUMERATIONS["V1Type"].items()}
DATA = ("Data", "ImageData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "AnnotatedData", "Python")  # without bottoms
TEST = ENUMERATIONS["Phase"]["TEST"]
LONGEST_SIDE = 1 << 31  # what an axis, a stride and the like are below
MOST_AXES = 32


@dataclass(frozen=True)
class Layer:
    """bottoms, tops: names of what it reads and writes; `message` holds its parameters; `file` is what defines it, for messages."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message
    file: str
    blobs: tuple[NDArray[np.float32], ...] = field(default=(), repr=False)

    def refuse(self, problem: str) -> NoReturn:
        """Raises DamagedFile: FILE: layer `NAME` (TYPE) PROBLEM."""
        name, kind = (shortened(printable(text), 80) for text in (self.name, self.type))
        raise DamagedFile(f"{self.file}: layer `{name}` ({kind}) {problem}")

    def integer(self, parameters: Message, name: str, default: int, least: int = 0) -> int:
        """A parameter that is a size, a number of something, or an axis."""
        value: int = one(parameters, name, default)
        if not least <= value < LONGEST_SIDE:
            self.refuse(f"has `{name}` {value}, expected an integer from {least} on, below 2^31")
        return value

    def pair(self, parameters: Message, name: str, default: int, least: int) -> tuple[int, int]:
        """(vertical, horizontal) of a parameter that is given once, for each, or as NAME_h and NAME_w."""
        short = name.removesuffix("_size")
        if f"{short}_h" in parameters or f"{short}_w" in parameters:
            return self.integer(parameters, f"{short}_h", default, least), self.integer(parameters, f"{short}_w", default, least)
        values = parameters.get(name, [default])
        if not 1 <= len(values) <= 2 or not all(least <= value < LONGEST_SIDE for value in values):
            self.refuse(f"has `{name}` {listed(values)}, expected one or two integers from {least} on, below 2^31")
        return values[0], values[-1]


def layers(net: Message, file: str) -> list[Layer]:
    """The layers of a network in the order of the file, all phases, without their blobs."""
    if "layer" in net and "layers" in net:
        raise DamagedFile(f"{file}: it has layers of version 1 and of version 2, expected those of one")
    found = [_layer(message, file) for message in net.get("layer", [])] + [_layer_v1(message, file) for message in net.get("layers", [])]
    if not found:
        raise DamagedFile(f"{file}: a network without layers")
    return found


def _layer(message: Message, file: str) -> Layer:
    bottoms, tops = tuple(message.get("bottom", [])), tuple(message.get("top", []))
    return Layer(one(message, "name", "") or (tops or ("",))[0], one(message, "type", ""), bottoms, tops, message, file)


def _layer_v1(message: Message, file: str) -> Layer:
    if "layer" in message:
        name = shortened(printable(one(message["layer"][0], "name", "")), 80)
        raise DamagedFile(f"{file}: layer `{name}` is of version 0 of Caffe's format (of 2013), expected version 1 or 2")
    number = one(message, "type", 0)
    return _layer(message | {"type": [V1_TYPES.get(number, f"number {number}")]}, file)


# ---- phases ----


def in_inference(layer: Layer) -> bool:
    """Whether a layer takes part when a network is used: its rules are those of a state, which is phase TEST, level 0, no stages."""
    include, exclude = layer.message.get("include", []), layer.message.get("exclude", [])
    return any(map(_holds, include)) if include else not any(map(_holds, exclude))


def _holds(rule: Message) -> bool:
    levels: bool = one(rule, "min_level", 0) <= 0 <= one(rule, "max_level", 0)
    return one(rule, "phase", TEST) == TEST and levels and "stage" not in rule


# ---- blobs ----


def blobs_by_name(net: Message, file: str) -> dict[str, tuple[NDArray[np.float32], ...]]:
    """The parameters of each layer that has any."""
    found = {layer.name: _blobs(layer) for layer in layers(net, file)}
    return {name: blobs for name, blobs in found.items() if blobs}


def _blobs(layer: Layer) -> tuple[NDArray[np.float32], ...]:
    """A layer's arrays; they are taken out of its message, so that each is in memory once."""
    found = []
    for message in layer.message.pop("blobs", []):
        shape, values = _shape(layer, message), _values(message)
        if values.size != math.prod(shape):
            layer.refuse(f"has {values.size} values in a blob of shape {shape}")
        found.append(values.reshape(shape))
        message.clear()
    return tuple(found)


def _shape(layer: Layer, blob: Message) -> tuple[int, ...]:
    """Four axes in old files, any number in new ones."""
    old = ("num", "channels", "height", "width")
    dims = [one(blob, name, 0) for name in old] if any(name in blob for name in old) else part(blob, "shape").get("dim", [])
    if len(dims) > MOST_AXES or not all(0 < n < LONGEST_SIDE for n in dims):
        layer.refuse(f"has a blob of shape {listed(dims)}, expected at most {MOST_AXES} positive integers")
    return tuple(dims)


def _values(blob: Message) -> NDArray[np.float32]:
    """The values as float32; Caffe takes those in double precision where there are any."""
    parts: Iterable[NDArray[Any]] = blob.get("double_data") or blob.get("data", [])
    with np.errstate(over="ignore"):
        arrays = [np.asarray(values, np.float32) for values in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
