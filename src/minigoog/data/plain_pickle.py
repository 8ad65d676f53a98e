"""Pickles of plain data: dictionaries, lists, tuples, strings, numbers, and NumPy arrays of numbers. Nothing in the file is called.

Pickle describes an array as calls of three functions; they are recognised by name and their effect is computed here."""

import codecs
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..pickles import Reader
from ..text import short

MOST_AXES = 32
ARRAY, DTYPE, ENCODE = "array", "dtype", "encode"
ORDERS = {"<": "<", ">": ">", "|": "", "=": ""}  # of bytes
NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1")


def load(data: bytes) -> Any:
    """The value in the bytes of a pickle; Python 2's strings are bytes (as dictionary keys, text). ValueError if it is not plain data."""
    return _Reader(data).load()


class _Array:
    """An array under construction."""

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None


class _Dtype:
    """An element type under construction: its name, such as u1, then its byte order."""

    def __init__(self, name: str) -> None:
        self.name, self.order = name, "="


class _Reader(Reader):
    names: ClassVar = {
        ("numpy.core.multiarray", "_reconstruct"): ARRAY, ("numpy._core.multiarray", "_reconstruct"): ARRAY,
        ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): DTYPE, ("_codecs", "encode"): ENCODE,
    }  # fmt: skip

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.arrays = self.encoded = 0  # bytes made so far

    def called(self, function: object, arguments: Any) -> object:
        if function is ARRAY:  # "is": the text "array" in a file is not the function
            return _Array()
        if function is DTYPE:
            return _Dtype(self.text_of(arguments[0]))
        if function is ENCODE and isinstance(arguments[0], str) and arguments[1:] == ("latin1",):
            return self.latin1(arguments[0])
        return super().called(function, arguments)

    def latin1(self, text: str) -> bytes:
        """The bytes of a text; together at most as many as the pickle has, so that no text is encoded over and over."""
        self.encoded += len(text)
        return codecs.encode(text, "latin1") if self.within(self.encoded) else b""

    def set_state(self, made: object, state: Any) -> None:
        if isinstance(made, _Dtype):
            made.order = self.text_of(state[1])
        elif isinstance(made, _Array):
            _, shape, dtype, fortran, content = state
            self.arrays += len(content)
            if self.within(self.arrays):
                made.value = self.array(shape, dtype, fortran, content)
        else:
            super().set_state(made, state)

    def array(self, shape: object, dtype: object, fortran: object, content: object) -> NDArray[Any]:
        """The array with these bytes."""
        if not isinstance(dtype, _Dtype) or dtype.name not in NUMBERS or dtype.order not in ORDERS or not isinstance(content, bytes):
            raise ValueError(f"{self.foreign} (an array of something other than numbers)")
        if not isinstance(shape, tuple) or len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**62 for n in shape):
            raise ValueError(f"a damaged pickle (an array of shape {short(shape)})")
        flat = np.frombuffer(content, np.dtype(ORDERS[dtype.order] + dtype.name))
        return flat.reshape(shape, order="F" if fortran else "C").copy()

    def finished(self, value: Any) -> Any:
        """A plain value; for an array under construction, the array; an error for anything else."""
        value = value.value if isinstance(value, _Array) else value
        if isinstance(value, _Dtype):
            raise ValueError("a damaged pickle")
        return super().finished(value)
