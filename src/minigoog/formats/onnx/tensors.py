"""Tensors of a file as arrays: stored as raw bytes, as lists of numbers, or in a file beside it; float16 and bfloat16 become float32."""

import math
import mmap
import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...reading import open_regular
from ...text import short

BFLOAT16 = 16
KINDS = {  # data_type -> as it is stored
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8", BFLOAT16: "<u2",
}  # fmt: skip
LISTS = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}  # of the others "int32_data"
NAMES = {8: "strings", 14: "complex64", 15: "complex128", 17: "float8", 18: "float8", 19: "float8", 20: "float8", 21: "uint4", 22: "int4"}
EXTERNAL = 1  # data_location
MAPPED = 1 << 24  # bytes from which on a file is mapped instead of read


class Folder:
    """The folder of a file, whose other files may hold its weights."""

    def __init__(self, file: Path):
        self.path = file.parent
        self.files: dict[str, memoryview] = {}

    def bytes_of(self, tensor: Any, length: int) -> memoryview:
        """The bytes of a tensor that another file holds; ValueError if that is outside this folder, or too short."""
        facts = {entry.key: entry.value for entry in tensor.external_data}
        location, offset = facts.get("location", ""), _integer(facts.get("offset", "0"))
        stored = _integer(facts.get("length", str(length)))
        data = self._opened(location)
        if stored != length:
            raise ValueError(f"{stored:,} bytes in {short(location)}, expected {length:,}")
        if offset + length > len(data):
            raise ValueError(f"{short(location)} has {len(data):,} bytes, expected at least {offset + length:,}")
        return data[offset : offset + length]

    def _opened(self, location: str) -> memoryview:
        if location not in self.files:
            self.files[location] = contents(self._inside(location))
        return self.files[location]

    def _inside(self, location: str) -> Path:
        """The path of a file of this folder; ValueError if it is not in it, or is not there."""
        pure = PurePosixPath(location)
        odd = not location or not location.isprintable() or pure.is_absolute() or ".." in pure.parts or PureWindowsPath(location).drive
        path = self.path / location
        if odd or "\\" in location or not path.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"its weights are in {short(location)}, expected a file in its folder")
        if not path.exists():
            raise ValueError(f"its weights are in {short(location)}, which is not in its folder")
        return path


def contents(path: str | os.PathLike[str]) -> memoryview:
    """The bytes of a file; those of a large one are read when they are used."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size < MAPPED:
            return memoryview(file.read())
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def array_of(tensor: Any, folder: Folder, raw: memoryview | None = None) -> NDArray[Any]:
    """The array of a TensorProto, whose raw data are `raw` if they were not parsed; ValueError if it is damaged or of another kind."""
    kind = tensor.data_type
    if kind not in KINDS:
        raise ValueError(f"it is of {NAMES.get(kind, f'type {kind}')}, expected numbers")
    shape, dtype = tuple(tensor.dims), np.dtype(KINDS[kind])
    if min(shape, default=0) < 0 or len(shape) > 8:
        raise ValueError(f"it has shape {short(shape)}")
    count = math.prod(shape)
    if tensor.data_location == EXTERNAL:
        values = _from_bytes(folder.bytes_of(tensor, count * dtype.itemsize), dtype, count)
    elif raw is not None or tensor.HasField("raw_data"):
        values = _from_bytes(memoryview(tensor.raw_data) if raw is None else raw, dtype, count)
    else:
        values = _from_list(getattr(tensor, LISTS.get(kind, "int32_data")), kind, dtype, count)
    return plain(values, kind == BFLOAT16).reshape(shape)


def plain(values: NDArray[Any], bfloat16: bool = False) -> NDArray[Any]:
    """float16, or the bits of bfloat16, as float32; other arrays as they are."""
    if bfloat16:
        return cast(NDArray[Any], (values.astype(np.uint32) << 16).view(np.float32))
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _from_bytes(data: memoryview, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"it has {len(data):,} bytes, expected {count * dtype.itemsize:,}")
    return np.frombuffer(data, dtype)


def _from_list(numbers: Any, kind: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """The values of a list; those of float16 and bfloat16 are their bits, as integers."""
    if len(numbers) != count:
        raise ValueError(f"it has {len(numbers):,} values, expected {count:,}")
    wide = {1: np.float32, 11: np.float64, 12: np.uint64, 13: np.uint64}.get(kind, np.int64)
    values = np.fromiter(numbers, wide, count)
    return values.astype(np.uint16).view(dtype) if kind in (10, BFLOAT16) else values.astype(dtype)


def _integer(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ValueError(f"offset or length {short(text)} of its weights, expected a number of bytes")
    return int(text)
