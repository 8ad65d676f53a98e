"""The calls of a plan as plain values, which a file can hold, and back."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minigoog._native import ffi

from .arena import Buffer, Map
from .plan import PYTHON, Call
from .pointers import Pointer

KERNELS: dict[int, str] = ffi.typeof("enum mg_kernel").elements
NUMBERS = {name: number for number, name in KERNELS.items()}
SETTINGS = {  # kernel -> the member of union mg_settings that it reads
    "MG_PLACE": "place", "MG_CONV2D_DIRECT": "conv", "MG_CONV2D_WINOGRAD": "conv", "MG_DEPTHWISE": "depthwise", "MG_MAX_POOL2D": "pool",
    "MG_AVG_POOL2D": "pool", "MG_ACTIVATION": "elementwise", "MG_ADD": "elementwise", "MG_COPY": "elementwise",
    "MG_SOFTMAX": "elementwise", "MG_AFFINE": "affine", "MG_CHANNEL_SHUFFLE": "elementwise", "MG_SPARSE_CONV2D": "sparse",
    "MG_QUANTIZE": "quantize", "MG_DEQUANTIZE": "quantize", "MG_PLACE_BYTES": "place", "MG_COPY_BYTES": "elementwise",
    "MG_INT8_CONV2D": "conv", "MG_INT8_CONV2D_FLOAT": "conv", "MG_INT8_MAX_POOL2D": "pool", "MG_INT8_AVG_POOL2D": "average",
    "MG_TO_BF16": "elementwise", "MG_FROM_BF16": "elementwise", "MG_BF16_CONV2D": "conv", "MG_BF16_CONV2D_FLOAT": "conv",
    "MG_BF16_MAX_POOL2D": "pool", "MG_BF16_AVG_POOL2D": "pool", "MG_INT8_CONV2D_PAIRS": "conv", "MG_LRN": "elementwise",
    "MG_QUANTIZE_IMAGE": "place", "MG_BF16_WINOGRAD": "conv",
}  # fmt: skip
MEMBERS = {name: member.type for name, member in ffi.typeof("union mg_settings").fields}
OPERANDS = ("x", "w", "b", "y", "residual")
ORDER = ("images", "strip", "strip_rows")
LABELS = ("name", "kind", "algorithm", "why")


def describe(call: Call, c_call: Pointer) -> dict[str, Any]:
    """A call as values of JSON."""
    labels = [getattr(call, label) for label in LABELS]
    shapes = {"work": call.multiply_adds, "x": list(call.x.shape), "y": list(call.y.shape), "labels": labels}
    if call.kernel == PYTHON:
        return shapes | {"kernel": "Python", "function": _fingerprint(call)}
    kernel = KERNELS[call.kernel]
    member = SETTINGS[kernel]
    settings = getattr(c_call.settings, member)
    operands = [getattr(c_call, name) for name in OPERANDS]
    return shapes | {
        "kernel": kernel,
        "order": [getattr(c_call, name) for name in ORDER],
        "settings": [value for _, value in numbers_of(settings)],
        "operands": [[at.area, at.offset, at.image] for at in operands],
    }


def numbers_of(settings: Pointer) -> Iterator[tuple[str, Any]]:
    """(field, number) of a struct, and of structs in it."""
    for name, field in ffi.typeof(settings).fields:
        value = getattr(settings, name)
        yield from numbers_of(value) if field.type.kind == "struct" else [(name, value)]


def _count(struct: Any) -> int:
    return sum(_count(field.type) if field.type.kind == "struct" else 1 for _, field in struct.fields)


def _struct_of(struct: Any, numbers: Iterator[Any]) -> dict[str, Any]:
    """The fields of a struct from its numbers in their order."""
    return {name: _struct_of(field.type, numbers) if field.type.kind == "struct" else next(numbers) for name, field in struct.fields}


def _fingerprint(call: Call) -> str:
    """What a call in Python computes, as far as its arrays and numbers say it."""
    function = call.function.args[0] if isinstance(call.function, partial) else call.function
    values = [what for what, _ in call.arguments if isinstance(what, np.ndarray)]
    return " ".join(_value(value) for value in [type(function).__name__, *values, *getattr(function, "__dict__", {}).values()])


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {zlib.crc32(np.ascontiguousarray(value).view(np.uint8).reshape(-1).data):08x}"
    return repr(value) if isinstance(value, (int, float, str, tuple, type(None))) else type(value).__name__


def c_call_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """A described call as struct mg_call; ValueError if its parts are not those of one."""
    if found["kernel"] not in SETTINGS:
        raise ValueError(f"no kernel {str(found['kernel'])[:40]}")
    member = SETTINGS[found["kernel"]]
    settings, order, operands = found["settings"], found["order"], found["operands"]
    if [len(settings), len(order), len(operands)] != [_count(MEMBERS[member]), len(ORDER), len(OPERANDS)]:
        raise ValueError(f"{found['kernel']} with {len(settings)} settings and {len(operands)} operands")
    fields = dict(zip(ORDER, order, strict=True)) | dict(zip(OPERANDS, map(tuple, operands), strict=True))
    return {"kernel": NUMBERS[found["kernel"]], "settings": {member: _struct_of(MEMBERS[member], iter(settings))}} | fields


def call_of(found: Mapping[str, Any]) -> Call:
    """What print(plan) shows of a described call."""
    x, y = (Map(Buffer(0), shape, 0, shape[-1]) for shape in (_shape(found["x"]), _shape(found["y"])))
    name, kind, algorithm, why = map(_text, found["labels"])
    images, strip, rows = found["order"]
    shown = Call(NUMBERS[found["kernel"]], x, y, {}, algorithm=algorithm, multiply_adds=_natural(found["work"]), name=name, kind=kind)
    return shown._replace(why=why, images=images, strip=strip, strip_rows=rows)


def _shape(found: Sequence[Any]) -> tuple[int, ...]:
    if not 1 <= len(found) <= 8:
        raise ValueError(f"a shape of {len(found)} numbers")
    return tuple(_natural(n) for n in found)


def _natural(n: Any) -> int:
    if type(n) is not int or not 0 <= n < 1 << 53:
        raise ValueError(f"{str(n)[:40]}, expected an integer of at least 0")
    return n


def _text(text: Any) -> str:
    if not isinstance(text, str) or not text.isprintable():
        raise ValueError("a label that cannot be printed")
    return text


def restored(found: Sequence[Mapping[str, Any]]) -> tuple[list[Call], Pointer]:
    """Calls, and the same in C, from their descriptions; bounds.py says what they would touch."""
    c_calls = ffi.new("struct mg_call[]", [c_call_of(one) for one in found])
    return [call_of(one) for one in found], c_calls
