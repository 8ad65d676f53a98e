"""Reads pickles of plain data with an interpreter for the few opcodes that they need: nothing in the file is ever called.

Plain data are dictionaries, lists, tuples, strings, numbers, and NumPy arrays of numbers. Pickle describes an array as calls of three
functions; they are recognised by name and their effect is computed here. Anything else is an error. (Python's pickletools.py documents
the opcodes)"""

import codecs
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARK = object()
DEEPEST = 100_000  # values on the stack, or in the memo
ARRAY, DTYPE, ENCODE = "array", "dtype", "encode"
ORDERS = {"<": "<", ">": ">", "|": "", "=": ""}  # of bytes
NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1")
FOREIGN = "a pickle of something other than plain data"
CALLABLE = {  # the names that a pickle may use, and what replaces them here
    ("numpy.core.multiarray", "_reconstruct"): ARRAY, ("numpy._core.multiarray", "_reconstruct"): ARRAY,
    ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): DTYPE, ("_codecs", "encode"): ENCODE,
}  # fmt: skip


def load(data: bytes) -> Any:
    """The value in the bytes of a pickle; Python 2's strings are bytes (as dictionary keys, text). ValueError if it is not plain data."""
    try:
        return _Reader(data).run()
    except (IndexError, struct.error, OverflowError, UnicodeError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError(f"a damaged pickle ({type(error).__name__}: {error})") from None


class _Array:
    """An array under construction."""

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None


class _Dtype:
    """An element type under construction: its name, such as u1, then its byte order."""

    def __init__(self, name: str) -> None:
        self.name, self.order = name, "="


class _Reader:
    """The interpreter: its position in the data, its stack, and its memo of values by number."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        if not 0 <= n <= len(self.data) - self.at:
            raise ValueError("a damaged pickle (it ends too early)")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form: str) -> Any:
        """The next number, in struct's `form`."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def line(self) -> str:
        """Text up to the end of the line."""
        end = self.data.index(b"\n", self.at) if b"\n" in self.data[self.at :] else len(self.data)
        text = self.take(end - self.at)
        self.at += 1
        return text.decode()

    def since_mark(self) -> list[Any]:
        """Pops all values above the last mark, and the mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not MARK:
            at -= 1
            if at < 0:
                raise ValueError("a damaged pickle (no mark)")
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def popped(self, n: int) -> list[Any]:
        """Pops the last n values, in the order in which they were pushed."""
        return [self.stack.pop() for _ in range(n)][::-1]

    def run(self) -> Any:
        """Interprets opcodes until the stop opcode."""
        while True:
            code = self.take(1)
            if code == b".":
                return _finished(self.stack.pop())
            action = OPCODES.get(code)
            if action is None:
                raise ValueError(f"{FOREIGN} (opcode {code!r})")
            action(self)
            if len(self.stack) > DEEPEST or len(self.memo) > DEEPEST:
                raise ValueError("a damaged pickle (too deep)")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def name(self, module: str, name: str) -> None:
        """Pushes the replacement of a function in CALLABLE."""
        if (module, name) not in CALLABLE:
            raise ValueError(f"{FOREIGN} (it names {module}.{name})")
        self.push(CALLABLE[module, name])

    def reduce(self) -> None:
        """Pushes the result of a call of a named function."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function == ARRAY:
            self.push(_Array())
        elif function == DTYPE:
            self.push(_Dtype(_text(arguments[0])))
        elif function == ENCODE and isinstance(arguments[0], str) and arguments[1] == "latin1":
            self.push(codecs.encode(arguments[0], "latin1"))
        else:
            raise ValueError(f"{FOREIGN} (a call)")

    def build(self) -> None:
        """Sets the state of an object that a call made."""
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Dtype):
            made.order = _text(state[1])
        elif isinstance(made, _Array):
            _, shape, dtype, fortran, content = state
            made.value = _array(shape, dtype, fortran, content)
        else:
            raise ValueError(f"{FOREIGN} (an object with a state)")

    def fill(self, pairs: Sequence[Any]) -> None:
        """Adds keys and values, which alternate in `pairs`, to the dictionary on the stack."""
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("a damaged pickle (no dictionary)")
        target.update({_text(_finished(key)): _finished(value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)})

    def push_filled(self, pairs: Sequence[Any]) -> None:
        """Pushes a dictionary of `pairs`."""
        self.push({})
        self.fill(pairs)

    def extend(self, values: Sequence[Any]) -> None:
        """Adds values to the list on the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("a damaged pickle (no list)")
        self.stack[-1].extend(map(_finished, values))


def _finished(value: Any) -> Any:
    """A plain value; for an array under construction, the array; an error for anything else."""
    value = value.value if isinstance(value, _Array) else value
    if value is MARK or isinstance(value, _Dtype):
        raise ValueError("a damaged pickle")
    return value


def _array(shape: tuple[int, ...], dtype: object, fortran: bool, content: bytes) -> NDArray[Any]:
    """The array with these bytes."""
    if not isinstance(dtype, _Dtype) or dtype.name not in NUMBERS or dtype.order not in ORDERS:
        raise ValueError(f"{FOREIGN} (an array of something other than numbers)")
    flat = np.frombuffer(content, np.dtype(ORDERS[dtype.order] + dtype.name))
    return flat.reshape(shape, order="F" if fortran else "C").copy()


BOOLS = {"00": False, "01": True}  # as protocol 0 writes them


def _text(value: Any) -> Any:
    """Bytes as text; anything else unchanged."""
    return value.decode() if isinstance(value, bytes) else value


def _long(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


OPCODES: dict[bytes, Callable[[_Reader], object]] = {
    b"\x80": lambda r: r.take(1),  # the protocol
    b"\x95": lambda r: r.take(8),  # a frame: only a hint for reading ahead
    b"(": lambda r: r.push(MARK),
    b"0": lambda r: r.stack.pop(),
    b"N": lambda r: r.push(None),
    b"\x88": lambda r: r.push(True),
    b"\x89": lambda r: r.push(False),
    b"K": lambda r: r.push(r.number("B")),
    b"M": lambda r: r.push(r.number("H")),
    b"J": lambda r: r.push(r.number("i")),
    b"\x8a": lambda r: r.push(_long(r.take(r.number("B")))),
    b"G": lambda r: r.push(struct.unpack(">d", r.take(8))[0]),
    b"I": lambda r: r.push(BOOLS[text] if (text := r.line()) in BOOLS else int(text)),
    b"U": lambda r: r.push(r.take(r.number("B"))),
    b"T": lambda r: r.push(r.take(r.number("i"))),
    b"C": lambda r: r.push(r.take(r.number("B"))),
    b"B": lambda r: r.push(r.take(r.number("I"))),
    b"\x8e": lambda r: r.push(r.take(r.number("Q"))),
    b"X": lambda r: r.push(r.take(r.number("I")).decode()),
    b"\x8c": lambda r: r.push(r.take(r.number("B")).decode()),
    b"]": lambda r: r.push([]),
    b"}": lambda r: r.push({}),
    b")": lambda r: r.push(()),
    b"l": lambda r: r.push(r.since_mark()),
    b"d": lambda r: r.push_filled(r.since_mark()),
    b"t": lambda r: r.push(tuple(r.since_mark())),
    b"\x85": lambda r: r.push(tuple(r.popped(1))),
    b"\x86": lambda r: r.push(tuple(r.popped(2))),
    b"\x87": lambda r: r.push(tuple(r.popped(3))),
    b"a": lambda r: r.extend(r.popped(1)),
    b"e": lambda r: r.extend(r.since_mark()),
    b"s": lambda r: r.fill(r.popped(2)),
    b"u": lambda r: r.fill(r.since_mark()),
    b"q": lambda r: r.memo.__setitem__(r.number("B"), r.stack[-1]),
    b"r": lambda r: r.memo.__setitem__(r.number("I"), r.stack[-1]),
    b"\x94": lambda r: r.memo.__setitem__(len(r.memo), r.stack[-1]),
    b"p": lambda r: r.memo.__setitem__(int(r.line()), r.stack[-1]),
    b"h": lambda r: r.push(r.memo[r.number("B")]),
    b"j": lambda r: r.push(r.memo[r.number("I")]),
    b"g": lambda r: r.push(r.memo[int(r.line())]),
    b"c": lambda r: r.name(r.line(), r.line()),
    b"\x93": lambda r: r.name(*r.popped(2)),
    b"R": lambda r: r.reduce(),
    b"b": lambda r: r.build(),
}
