"""Arrays from the storages of a file: each is read once, and tensors are views of it, as in PyTorch."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...text import printable, short, shortened
from ..elements import CODES, values
from .pickled import Kind, Storage, Stored

MOST_AXES = 32
MOST_BYTES = 2**62  # of an array, counting axes of length 0 as 1: NumPy cannot address more
SLACK = 1 << 20  # elements

Read = Callable[[Storage], NDArray[np.uint8]]  # the bytes of a storage


def arrays(stored: Mapping[str, Stored], read: Read, order: str, size: int) -> dict[str, NDArray[Any]]:
    """The arrays of a state dict out of a file of `size` bytes, whose numbers have this byte order ("<" or ">").

    ValueError that names a tensor which lies outside its storage, or if all together have far more elements than the file has bytes:
    strides of 0 cost nothing in the file, but copies of such tensors would."""
    total = 0
    for name, tensor in stored.items():
        _check(name, tensor)
        total += math.prod(tensor.shape)
        if total > 2 * size + SLACK:
            raise ValueError(f"{_quoted(name)} of shape {short(tensor.shape)} repeats what the file has, out of a file of {size} bytes")
    decoded: dict[tuple[str, Kind], NDArray[Any]] = {}
    return {name: _array(name, tensor, read, order, decoded) for name, tensor in stored.items()}


def _quoted(name: str) -> str:
    return f"`{shortened(printable(name), 80)}`"


def _check(name: str, tensor: Stored) -> None:
    """The tensor lies within its storage."""
    if len(tensor.shape) > MOST_AXES or math.prod(max(n, 1) for n in tensor.shape) >= MOST_BYTES // 8:
        raise ValueError(f"{_quoted(name)} has shape {short(tensor.shape)}, expected at most {MOST_AXES} axes and 2^62 bytes")
    last = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    have = tensor.storage.size if tensor.storage.kind.name else tensor.storage.size // np.dtype(CODES[tensor.kind.name]).itemsize
    if all(tensor.shape) and tensor.storage.start + tensor.offset + last >= have:
        where = f"strides {short(tensor.strides)} and offset {tensor.offset}"
        raise ValueError(f"{_quoted(name)} has shape {short(tensor.shape)}, {where}, outside of its storage of {have} elements")


def _array(name: str, tensor: Stored, read: Read, order: str, decoded: dict[tuple[str, Kind], NDArray[Any]]) -> NDArray[Any]:
    """The tensor as a view of its storage."""
    key = tensor.storage.key, tensor.kind
    if not all(tensor.shape):
        return values(np.empty(tensor.shape, CODES[tensor.kind.name]), tensor.kind.name)
    if key not in decoded:
        decoded[key] = _decoded(name, tensor, read, order)
    whole = decoded[key]
    start = whole[tensor.storage.start + tensor.offset :]
    return as_strided(start, tensor.shape, [whole.itemsize * n for n in tensor.strides], writeable=False)


def _decoded(name: str, tensor: Stored, read: Read, order: str) -> NDArray[Any]:
    """All elements of the tensor's storage."""
    code = np.dtype(CODES[tensor.kind.name])
    raw = read(tensor.storage)
    if len(raw) != tensor.storage.n_bytes:
        raise ValueError(f"{_quoted(name)} has a storage of {len(raw)} bytes, expected {tensor.storage.n_bytes}")
    found = raw[: len(raw) // code.itemsize * code.itemsize].view(code)
    if order == ">" and code.itemsize > 1:
        found = found.byteswap()
    return values(found, tensor.kind.name)
