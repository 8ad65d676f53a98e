"""The safetensors format: named arrays in one file, safe to read from any source. (https://github.com/huggingface/safetensors)

8 bytes: length of the header, little-endian; the header: JSON, name -> dtype, shape and position of its bytes; the bytes."""

import json
import math
import os
from collections.abc import Iterator, Mapping, MutableMapping
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_write
from ..reading import LONGEST_JSON, DamagedFile, json_value, known_kind, open_regular, reading
from ..text import printable, short, shortened
from .elements import CODES, values

DTYPES = {  # what is written
    name: code for name, code in CODES.items() if name in ("BOOL", "F16", "F32", "F64") or name[0] in "IU"
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
PACKED = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}  # bits of types that are not read; more of them may come
WRONG = "not a valid safetensors file"
MOST_AXES = 32
MOST_BYTES = 2**62  # of an array, counting axes of length 0 as 1: NumPy cannot address more, even for an empty array

Entry: TypeAlias = dict[str, Any]  # of an array in the header: dtype, shape, data_offsets


def save(path: str | Path, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None, sync: bool = True) -> None:
    """Writes `arrays` (name -> array) and `metadata` (name -> string) to `path`, atomically. sync: see `atomic_write`.

    Raises TypeError or ValueError, and leaves an old file unchanged, for what the format cannot hold."""
    offset, entries = 0, _metadata_entry(metadata or {})
    for name, array in arrays.items():
        array = np.asarray(array)
        _check_savable(name, array)
        dtype = NAMES[array.dtype.newbyteorder("<")]
        entries[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    if len(header) > LONGEST_JSON:
        raise ValueError(f"safetensors.save: `arrays` and `metadata` make a header of {len(header)} bytes, expected at most {LONGEST_JSON}")
    with atomic_write(path, sync) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name, array in arrays.items():
            file.write(np.ascontiguousarray(array, DTYPES[entries[name]["dtype"]]).tobytes())


def _metadata_entry(metadata: Mapping[str, str]) -> dict[str, Entry]:
    """The header of a file without arrays."""
    for name, text in metadata.items():
        if not (isinstance(name, str) and isinstance(text, str)):
            raise TypeError(f"safetensors.save: `metadata` has {text!r} under {name!r}, expected a string under a string")
    return {"__metadata__": dict(metadata)} if metadata else {}


def _check_savable(name: object, array: NDArray[Any]) -> None:
    """Raises for what `load` would refuse."""
    if not isinstance(name, str) or name == "__metadata__":
        raise TypeError(f"safetensors.save: `arrays` has the name {name!r}, expected a string other than '__metadata__'")
    if array.dtype.newbyteorder("<") not in NAMES:
        raise TypeError(f"safetensors.save: `{name}` is {array.dtype}, expected one of {', '.join(map(str, NAMES))}")
    if array.ndim > MOST_AXES or _too_large(array.shape, array.dtype):
        raise ValueError(f"safetensors.save: `{name}` has shape {short(array.shape)}, expected at most {MOST_AXES} axes and 2^62 bytes")


def _too_large(shape: list[int] | tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    return math.prod(max(n, 1) for n in shape) >= MOST_BYTES // dtype.itemsize


class Arrays(MutableMapping[str, NDArray[Any]]):
    """The arrays of a file by name. To ask for one of a type that is not read (4 and 6 bits, types to come) is an error that names it."""

    def __init__(self, arrays: dict[str, NDArray[Any]], unread: dict[str, str]) -> None:
        self.arrays, self.unread = arrays, unread  # unread: name -> what the error says

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name in self.unread:
            raise DamagedFile(self.unread[name])
        return self.arrays[name]

    def __setitem__(self, name: str, array: NDArray[Any]) -> None:
        self.unread.pop(name, None)
        self.arrays[name] = array

    def __delitem__(self, name: str) -> None:
        del (self.unread if name in self.unread else self.arrays)[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays or name in self.unread

    def __iter__(self) -> Iterator[str]:
        yield from self.arrays
        yield from self.unread

    def __len__(self) -> int:
        return len(self.arrays) + len(self.unread)


def load(path: str | Path) -> tuple[Arrays, dict[str, str]]:
    """(arrays, metadata) of a safetensors file; DamagedFile naming the file and the problem if it is not valid.

    NumPy has no BF16 and no floats of 8 bits: they are read as float32, which holds each of their values exactly."""
    path = Path(path)
    with reading(path, WRONG), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = _header_length(path, file.read(8), size)
        entries = _header(path, _read(path, file, length))
        metadata = _metadata(path, entries)
        _check_extents(path, entries, size - 8 - length)
        arrays = {name: _array(path, file, 8 + length, entry) for name, entry in entries.items() if entry["dtype"] in CODES}
        return Arrays(arrays, {name: _unread(path, name, entry) for name, entry in entries.items() if name not in arrays}), metadata


def _unread(path: Path, name: str, entry: Entry) -> str:
    has = f"`{shortened(printable(name), 80)}` has dtype {shortened(printable(entry['dtype']), 80)}"
    return f"{path}: {has}, which minigoog does not read, expected one of {', '.join(CODES)}"


def _damaged(path: Path, what: str) -> DamagedFile:
    return DamagedFile(f"{path}: {WRONG}: {what}")


def _read(path: Path, file: BufferedReader, n: int) -> bytes:
    data = file.read(n)
    if len(data) != n:
        raise _damaged(path, f"ends {n - len(data)} bytes too early")
    return data


def _header_length(path: Path, start: bytes, size: int) -> int:
    """The length of the header of a file of `size` bytes, from its first 8."""
    length, most = int.from_bytes(start, "little"), min(LONGEST_JSON, size - 8)
    if len(start) == 8 and length <= most:
        return length
    if kind := known_kind(start):
        raise _damaged(path, f"it is {kind}")
    if len(start) < 8:
        raise _damaged(path, f"ends {8 - len(start)} bytes too early")
    if length <= size - 8:  # the format itself allows 100 MB
        raise DamagedFile(f"{path}: has a header of {length} bytes, expected at most {most} by minigoog")
    raise _damaged(path, f"has a header of {length} bytes, expected at most {most}" if length < 2**40 else "it starts like no such file")


def _header(path: Path, data: bytes) -> dict[str, Any]:
    """The header as a dictionary; a repeated name is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name repeats")
        return found

    with reading(path, f"{WRONG}: has a damaged header"):
        entries: dict[str, Any] = json_value(data.decode(), dict, unique)
    return entries


def _metadata(path: Path, entries: dict[str, Any]) -> dict[str, str]:
    """Takes the metadata out of the header."""
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _damaged(path, f"has metadata {short(metadata)}, expected an object of strings")
    return metadata


def _is_count(n: object) -> bool:
    return isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**62


def _check_extents(path: Path, entries: dict[str, Entry], n_bytes: int) -> None:
    """Each entry describes as many bytes as its shape needs, and together they cover the data without gaps or overlaps."""
    for name, entry in entries.items():
        _check_entry(path, name, entry)
    end = 0
    for begin, stop in sorted(entry["data_offsets"] for entry in entries.values()):
        if begin != end:
            raise _damaged(path, f"has a gap or an overlap at byte {min(begin, end)} of its data")
        end = stop
    if end != n_bytes:
        raise _damaged(path, f"has {n_bytes} bytes of data, expected {end} by its header")


def _check_entry(path: Path, name: str, entry: object) -> None:
    """The entry of an array has a known dtype, a shape, and offsets of as many bytes as these need."""
    name = shortened(printable(name), 80)
    if not isinstance(entry, dict) or not entry.keys() >= {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"`{name}` is {short(entry)}, expected dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str):
        raise _damaged(path, f"`{name}` has dtype {short(dtype)}, expected a string")
    if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(map(_is_count, shape)):
        raise _damaged(path, f"`{name}` has shape {short(shape)}, expected at most {MOST_AXES} integers from 0 on")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise _damaged(path, f"`{name}` has data_offsets {short(offsets)}, expected two integers from 0 on")
    _check_length(path, name, dtype, shape, offsets[1] - offsets[0])


def _check_length(path: Path, name: str, dtype: str, shape: list[int], length: int) -> None:
    """An array of this shape has this many bytes; of unknown types any number may be right."""
    bits = 8 * np.dtype(CODES[dtype]).itemsize if dtype in CODES else PACKED.get(dtype, 0)
    needed = math.prod(shape) * bits
    if length < 0 or (bits and 8 * length != needed):
        raise _damaged(path, f"`{name}` has {length} bytes, expected {-(-needed // 8)} for {short(dtype)[1:-1]} {short(shape)}")
    if dtype in CODES and _too_large(shape, np.dtype(CODES[dtype])):
        raise _damaged(path, f"`{name}` has shape {short(shape)}, expected fewer than 2^62 bytes")


def _array(path: Path, file: BufferedReader, start: int, entry: Entry) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    array: NDArray[Any] = np.empty(entry["shape"], CODES[entry["dtype"]])
    file.seek(start + begin)
    if file.readinto(array.reshape(-1).view(np.uint8).data) != end - begin:
        raise _damaged(path, f"ends before byte {start + end}")
    return values(array, entry["dtype"])
