"""Where the large weights of a file lie: they stay there, and only the rest is parsed.

A parser of protocol buffers copies what it parses, weights included: twice the memory of a network, for nothing.
(https://protobuf.dev/programming-guides/encoding)"""

from collections.abc import Iterator
from typing import NamedTuple

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # fields of Model, Graph and Tensor in onnx.proto
SMALL = 4096  # bytes of weights that are parsed with the rest
VARINT, EIGHT_BYTES, BLOCK, FOUR_BYTES = 0, 1, 2, 5  # how a field is stored


class Field(NamedTuple):
    """One field of a message: its number and storage, where its key starts, and where its content starts and ends."""

    number: int
    storage: int
    key: int
    start: int
    end: int


def without_weights(data: memoryview) -> tuple[bytes, list[memoryview | None]]:
    """(the message without large weights, for each initializer of the graph its raw data if they are left out).

    A file in which nothing can be left out is returned as it is, also if it is damaged: the parser refuses it."""
    if len(data) <= SMALL:
        return bytes(data), []
    try:
        graphs = [field for field in fields(data, 0, len(data)) if field.number == GRAPH]
        if len(graphs) == 1 and graphs[0].storage == BLOCK:
            parts, raw = _lean_graph(data, graphs[0])
            if any(block is not None for block in raw):
                return b"".join([data[: graphs[0].key], block(GRAPH, b"".join(parts)), data[graphs[0].end :]]), raw
    except ValueError:
        pass
    return bytes(data), []


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[start:end]; ValueError if it is damaged."""
    while start < end:
        key, content = varint(data, start, end)
        number, storage = key >> 3, key & 7
        if storage == VARINT:
            last = varint(data, content, end)[1]
        elif storage == BLOCK:
            length, content = varint(data, content, end)
            last = content + length
        elif storage in (EIGHT_BYTES, FOUR_BYTES):
            last = content + (8 if storage == EIGHT_BYTES else 4)
        else:
            raise ValueError(f"a field is stored as {storage}")
        if last > end:
            raise ValueError("a field ends after its message")
        yield Field(number, storage, start, content, last)
        start = last


def varint(data: memoryview, start: int, end: int) -> tuple[int, int]:
    """(an integer of seven bits per byte, where it ends); ValueError if it is longer than ten bytes."""
    if start < end and data[start] < 128:
        return data[start], start + 1
    value = 0
    for i in range(start, min(end, start + 10)):
        value |= (data[i] & 127) << 7 * (i - start)
        if data[i] < 128:
            return value, i + 1
    raise ValueError("an integer does not end")


def block(number: int, content: bytes) -> bytes:
    """A field that is a run of bytes."""
    return encoded(number << 3 | BLOCK) + encoded(len(content)) + content


def encoded(value: int) -> bytes:
    """An integer as seven bits per byte."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _lean_graph(data: memoryview, graph: Field) -> tuple[list[bytes], list[memoryview | None]]:
    """(the pieces of the graph without large weights, the raw data of each initializer or None)."""
    parts: list[bytes] = []
    raw: list[memoryview | None] = []
    for field in fields(data, graph.start, graph.end):
        large = _raw_data(data, field) if field.number == INITIALIZER and field.storage == BLOCK else None
        if field.number == INITIALIZER:
            raw.append(None if large is None else data[large.start : large.end])
        if large is None:
            parts.append(bytes(data[field.key : field.end]))
        else:
            parts.append(block(INITIALIZER, bytes(data[field.start : large.key]) + bytes(data[large.end : field.end])))
    return parts, raw


def _raw_data(data: memoryview, tensor: Field) -> Field | None:
    """The raw data of a tensor, if it has them once and they are large."""
    found = [field for field in fields(data, tensor.start, tensor.end) if field.number == RAW_DATA]
    return found[0] if len(found) == 1 and found[0].storage == BLOCK and found[0].end - found[0].start > SMALL else None
