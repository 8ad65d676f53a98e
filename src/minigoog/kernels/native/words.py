"""Calls of a plan in words of 32 bits, as struct mg_call lies in the memory of WebAssembly: pointers and sizes have 32 bits there."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

from minigoog._native import ffi, lib

from .plan import Call

OPERANDS = ("x", "w", "b", "y", "residual")  # in the order of struct mg_call
Address = tuple[int, int, int]  # struct mg_address
SETTINGS = ffi.typeof("union mg_settings")
WITH_WEIGHTS = {lib.MG_CONV2D_DIRECT: "direct", lib.MG_CONV2D_WINOGRAD: "winograd", lib.MG_DEPTHWISE: "depthwise"}


def words_of(call: Call, address: Callable[[Any], Address]) -> list[int]:
    """struct mg_call of a call. address: where a map, packed weights, an array or nothing (None) is."""
    settings = ffi.new("union mg_settings *", call.settings)
    order = [call.kernel, call.images, call.strip, call.strip_rows]
    found = [_word(n) for n in order] + [_word(n) for name in OPERANDS for n in address(getattr(call, name))]
    found += list(_words(getattr(settings, next(iter(call.settings)))))
    return found + [0] * (words_in_call() - len(found))


def words_in_call() -> int:
    """The size of struct mg_call: that of the largest settings, and what is before them."""
    return 4 + 3 * len(OPERANDS) + max(_size(member.type) for _, member in SETTINGS.fields)


def _words(settings: Any) -> Iterator[int]:
    """The fields of a struct, those of structs inside it included."""
    for name, field in ffi.typeof(settings).fields:
        value = getattr(settings, name)
        if field.type.kind == "struct":
            yield from _words(value)
        else:
            yield struct.unpack("<I", struct.pack("<f", value))[0] if field.type.cname == "float" else _word(value)


def _size(kind: Any) -> int:
    """The number of words of a type: every field that is no struct is an integer, a size or a float."""
    return sum(_size(field.type) for _, field in kind.fields) if kind.kind == "struct" else 1


def _word(n: int) -> int:
    if not -(1 << 31) <= n < 1 << 32:
        raise ValueError(f"plan: {n} in a call, expected a number of 32 bits")
    return n & 0xFFFFFFFF
