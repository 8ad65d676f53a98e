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

from ..reading import reason
from ..text import short

MARK = object()
DEEPEST = 100_000  # values on the stack, or in the memo
MOST_OPCODES = 500_000  # each makes at most about 100 bytes besides those of the file; CIFAR-100's training images need 200,400
LONGEST_NAME = 256  # bytes of a dictionary's key, or of a name of a function or an element type
LONG_TEXT = 1 << 16  # bytes; longer text is pixels, whose characters are bytes
MOST_AXES = 32
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
    except (LookupError, struct.error, OverflowError, UnicodeError, TypeError, AttributeError) as error:
        raise ValueError(f"a damaged pickle ({type(error).__name__}: {reason(error)})") from error


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
        self.arrays = self.encoded = 0  # bytes made so far
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
        end = self.data.index(b"\n", self.at)
        text = self.take(end - self.at)
        self.at += 1
        return text.decode()

    def text(self, n: int) -> str:
        """Text of `n` bytes."""
        raw = self.take(n)
        # one wider character would make all of a long text four times as large
        if n > LONG_TEXT and np.frombuffer(raw, np.uint8).max() > 0xC3:
            raise ValueError(f"{FOREIGN} (text of {n} bytes)")
        return raw.decode()

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
        data, stack, memo = self.data, self.stack, self.memo
        for _ in range(MOST_OPCODES):
            code = data[self.at : self.at + 1]
            self.at += 1
            if code == b".":
                return _finished(stack.pop())
            action = OPCODES.get(code)
            if action is None:
                raise ValueError(f"{FOREIGN} (opcode {code!r})" if code else "a damaged pickle (it ends too early)")
            action(self)
            if len(stack) > DEEPEST or len(memo) > DEEPEST:
                raise ValueError("a damaged pickle (too deep)")
        raise ValueError(f"{FOREIGN} (more than {MOST_OPCODES} opcodes)")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def name(self, module: Any, name: Any) -> None:
        """Pushes the replacement of a function in CALLABLE."""
        if not isinstance(module, str) or not isinstance(name, str) or (module, name) not in CALLABLE:
            raise ValueError(f"{FOREIGN} (it names {short(module)}.{short(name)})")
        self.push(CALLABLE[module, name])

    def reduce(self) -> None:
        """Pushes the result of a call of a named function."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function is ARRAY:  # "is": the text "array" in a file is not the function
            self.push(_Array())
        elif function is DTYPE:
            self.push(_Dtype(_name(arguments[0])))
        elif function is ENCODE and isinstance(arguments[0], str) and arguments[1:] == ("latin1",):
            self.push(self.latin1(arguments[0]))
        else:
            raise ValueError(f"{FOREIGN} (a call)")

    def latin1(self, text: str) -> bytes:
        """The bytes of a text; together at most as many as the pickle has, so that no text is encoded over and over."""
        self.encoded += len(text)
        return codecs.encode(text, "latin1") if self.within(self.encoded) else b""

    def within(self, made: int) -> bool:
        """True if `made` is at most the bytes of the pickle, else an error."""
        if made > len(self.data):
            raise ValueError(f"a damaged pickle (it makes more than its own {len(self.data)} bytes)")
        return True

    def build(self) -> None:
        """Sets the state of an object that a call made."""
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Dtype):
            made.order = _name(state[1])
        elif isinstance(made, _Array):
            _, shape, dtype, fortran, content = state
            self.arrays += len(content)
            if self.within(self.arrays):
                made.value = _array(shape, dtype, fortran, content)
        else:
            raise ValueError(f"{FOREIGN} (an object with a state)")

    def fill(self, pairs: Sequence[Any]) -> None:
        """Adds keys and values, which alternate in `pairs`, to the dictionary on the stack."""
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("a damaged pickle (no dictionary)")
        target.update({_name(key): _finished(value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)})

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


def _array(shape: object, dtype: object, fortran: object, content: object) -> NDArray[Any]:
    """The array with these bytes."""
    if not isinstance(dtype, _Dtype) or dtype.name not in NUMBERS or dtype.order not in ORDERS or not isinstance(content, bytes):
        raise ValueError(f"{FOREIGN} (an array of something other than numbers)")
    if not isinstance(shape, tuple) or len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**62 for n in shape):
        raise ValueError(f"a damaged pickle (an array of shape {short(shape)})")
    flat = np.frombuffer(content, np.dtype(ORDERS[dtype.order] + dtype.name))
    return flat.reshape(shape, order="F" if fortran else "C").copy()


BOOLS = {"00": False, "01": True}  # as protocol 0 writes them


def _name(value: object) -> str:
    """A short text, which Python 2 wrote as bytes. (Other keys could take for ever to hash: tuples of tuples, or integers that collide)"""
    if not isinstance(value, (str, bytes)) or len(value) > LONGEST_NAME:
        raise ValueError(f"{FOREIGN} ({short(value)} as a name)")
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
    b"X": lambda r: r.push(r.text(r.number("I"))),
    b"\x8c": lambda r: r.push(r.text(r.number("B"))),
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
