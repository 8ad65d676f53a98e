"""The safetensors layout: named arrays in one file that nobody has to trust. (https://github.com/huggingface/safetensors)

8 bytes: length of the header, little-endian; the header: JSON, name -> dtype, shape and where its bytes lie; the bytes."""

import json
import math
import os
from pathlib import Path

import numpy as np

from ..files import atomic_write

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
LONGEST_HEADER = 100_000_000  # bytes; the limit of the reference implementation
MOST_AXES = 32
MOST_ITEMS = 2**62  # bytes, counting axes of length 0 as 1: NumPy cannot address more even where there is nothing to store


def save(path, arrays, metadata=None):
    """Writes `arrays` (name -> array) and `metadata` (name -> text) to `path`, whole or not at all."""
    entries, offset = {}, 0
    if metadata:
        wrong = [name for name, text in metadata.items() if not (isinstance(name, str) and isinstance(text, str))]
        if wrong:
            raise TypeError(f"safetensors.save: `metadata` {wrong[0]!r} is not text, expected text under a text")
        entries["__metadata__"] = dict(metadata)
    for name, array in arrays.items():
        array = np.asarray(array)
        _check_savable(name, array)
        dtype = NAMES[array.dtype.newbyteorder("<")]
        entries[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with atomic_write(path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name, array in arrays.items():
            file.write(np.ascontiguousarray(array, DTYPES[entries[name]["dtype"]]).tobytes())


def _check_savable(name, array):
    """Raises for what `load` would refuse."""
    if not isinstance(name, str) or name == "__metadata__":
        raise TypeError(f"safetensors.save: an array is called {name!r}, expected a text other than '__metadata__'")
    if array.dtype.newbyteorder("<") not in NAMES:
        raise TypeError(f"safetensors.save: `{name}` is {array.dtype}, expected one of {', '.join(map(str, NAMES))}")
    if array.ndim > MOST_AXES or math.prod(max(n, 1) for n in array.shape) >= MOST_ITEMS // array.itemsize:
        raise ValueError(f"safetensors.save: `{name}` has shape {str(array.shape)[:80]}, expected at most {MOST_AXES} axes and 2^62 bytes")


def load(path):
    """(arrays, metadata) of a safetensors file; ValueError, naming the file, for anything that is not exactly one."""
    path = Path(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(_read(path, file, 8), "little")
        if length > min(LONGEST_HEADER, size - 8):
            raise _damaged(path, f"its header has {length} bytes, but the file has {size} and {LONGEST_HEADER} are the limit")
        entries = _header(path, _read(path, file, length))
        metadata = _metadata(path, entries)
        _check_extents(path, entries, size - 8 - length)
        return {name: _array(path, file, 8 + length, entry) for name, entry in entries.items()}, metadata


def _damaged(path, what):
    return ValueError(f"{path}: not a valid safetensors file: {what}")


def _read(path, file, n):
    data = file.read(n)
    if len(data) != n:
        raise _damaged(path, f"it ends {n - len(data)} bytes too early")
    return data


def _header(path, data):
    """The header as a dictionary; names may not repeat."""

    def unique(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name repeats")
        return dict(pairs)

    try:
        entries = json.loads(data.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is not JSON ({error})") from None
    if not isinstance(entries, dict):
        raise _damaged(path, "its header is not a JSON object")
    return entries


def _metadata(path, entries):
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _damaged(path, "its metadata are not texts")
    return metadata


def _is_count(n):
    return isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**62


def _check_extents(path, entries, n_bytes):
    """Each entry describes as many bytes as its shape needs, and together they cover the data without holes or overlaps."""
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise _damaged(path, f"`{name}` has not exactly dtype, shape and data_offsets")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise _damaged(path, f"`{name}` has dtype {dtype!r}, expected one of {', '.join(DTYPES)}")
        if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(map(_is_count, shape)):
            raise _damaged(path, f"`{name}` has shape {str(shape)[:80]}, expected at most {MOST_AXES} whole numbers")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
            raise _damaged(path, f"`{name}` has data_offsets {str(offsets)[:80]}, expected two whole numbers")
        if offsets[1] - offsets[0] != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
            raise _damaged(path, f"`{name}` has {offsets[1] - offsets[0]} bytes, which is not what {dtype} {shape} needs")
        if math.prod(max(n, 1) for n in shape) >= MOST_ITEMS // np.dtype(DTYPES[dtype]).itemsize:
            raise _damaged(path, f"`{name}` has shape {str(shape)[:80]}, which is more than can be addressed")
    end = 0
    for begin, stop in sorted(entry["data_offsets"] for entry in entries.values()):
        if begin != end:
            raise _damaged(path, f"there is a hole or an overlap at byte {min(begin, end)} of its data")
        end = stop
    if end != n_bytes:
        raise _damaged(path, f"it has {n_bytes} bytes of data, but its header describes {end}")


def _array(path, file, start, entry):
    begin, end = entry["data_offsets"]
    file.seek(start + begin)
    return np.frombuffer(_read(path, file, end - begin), DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
