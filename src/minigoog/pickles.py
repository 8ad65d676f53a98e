"""Reads pickles with an interpreter for the opcodes that data need: nothing in the file is ever called.

Pickle describes everything that is not plain (a dictionary, list, tuple, text, number) as calls of functions by name. A format that
is stored in pickles derives a class from Reader that knows the few names it needs, and computes their effect itself. Any other name is
an error. (Python's pickletools.py documents the opcodes)"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from .reading import reason
from .text import short

MARK = object()
DEEPEST = 100_000  # values on the stack, or in the memo
MOST_OPCODES = 500_000  # each makes at most about 100 bytes besides those of the file; CIFAR-100's training images need 200,400
LONGEST_NAME = 256  # bytes of a dictionary's key, or of a name of a function or an element type
LONG_TEXT = 1 << 16  # bytes; longer text is pixels, whose characters are bytes
BOOLS = {"00": False, "01": True}  # as protocol 0 writes them
ENDS = "a damaged pickle (it ends too early)"


class Reader:
    """The interpreter: its position in the data, its stack, and its memo of values by number.

    A class derived from it sets `names` and `foreign`, and overrides the methods below "what a format may add"."""

    names: ClassVar[Mapping[tuple[str, str], object]] = {}  # (module, name): what replaces it here
    foreign: ClassVar[str] = "a pickle of something other than plain data"

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The value of the pickle that begins at `at`, which is moved behind it; ValueError if it is damaged or holds anything foreign."""
        try:
            return self._run()
        except (LookupError, struct.error, OverflowError, UnicodeError, TypeError, AttributeError) as error:
            raise ValueError(f"a damaged pickle ({type(error).__name__}: {reason(error)})") from error

    # ---- what a format may add ----

    def called(self, function: object, arguments: Any) -> object:
        """The result of a call of one of `names`."""
        raise ValueError(f"{self.foreign} (a call)")

    def set_state(self, made: object, state: Any) -> None:
        """Sets the state of an object that a call made."""
        raise ValueError(f"{self.foreign} (an object with a state)")

    def persistent(self, key: Any) -> object:
        """The object outside the pickle that a key stands for."""
        raise ValueError(f"{self.foreign} (an object elsewhere)")

    def finished(self, value: Any) -> Any:
        """A value as it goes into a list or a dictionary."""
        if value is MARK:
            raise ValueError("a damaged pickle")
        return value

    def key(self, value: object) -> str | int:
        """A key of a dictionary, as text. (Others could take for ever to hash: tuples of tuples, or integers that collide)"""
        return self.text_of(value)

    # ---- the machine ----

    def text_of(self, value: object) -> str:
        """A short text, which Python 2 wrote as bytes."""
        if not isinstance(value, (str, bytes)) or len(value) > LONGEST_NAME:
            raise ValueError(f"{self.foreign} ({short(value)} as a name)")
        return value.decode() if isinstance(value, bytes) else value

    def within(self, made: int) -> bool:
        """True if `made` is at most the bytes of the pickle, else an error."""
        if made > len(self.data):
            raise ValueError(f"a damaged pickle (it makes more than its own {len(self.data)} bytes)")
        return True

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        start, self.at = self.at, self.at + n
        if not start <= self.at <= len(self.data):
            raise ValueError(ENDS)
        return self.data[start : self.at]

    def number(self, size: int, signed: bool = False) -> int:
        """The next integer, of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

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
            raise ValueError(f"{self.foreign} (text of {n} bytes)")
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

    def _run(self) -> Any:
        """Interprets opcodes until the stop opcode."""
        data, stack, memo, actions = self.data, self.stack, self.memo, OPCODES
        for _ in range(MOST_OPCODES):
            at = self.at
            code, self.at = data[at : at + 1], at + 1
            if code == b".":
                return self.finished(stack.pop())
            action = actions.get(code)
            if action is None:
                raise ValueError(f"{self.foreign} (opcode {code!r})" if code else ENDS)
            action(self)
            if len(stack) > DEEPEST or len(memo) > DEEPEST:
                raise ValueError("a damaged pickle (too deep)")
        raise ValueError(f"{self.foreign} (more than {MOST_OPCODES} opcodes)")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def name(self, module: Any, name: Any) -> None:
        """Pushes the replacement of one of `names`."""
        if not isinstance(module, str) or not isinstance(name, str) or (module, name) not in self.names:
            raise ValueError(f"{self.foreign} (it names {short(module)}.{short(name)})")
        self.push(self.names[module, name])

    def reduce(self) -> None:
        """Pushes the result of a call."""
        arguments, function = self.stack.pop(), self.stack.pop()
        self.push(self.called(function, arguments))

    def build(self) -> None:
        """Sets the state of the object on the stack."""
        state = self.stack.pop()
        self.set_state(self.stack[-1], state)

    def fill(self, pairs: Sequence[Any]) -> None:
        """Adds keys and values, which alternate in `pairs`, to the dictionary on the stack."""
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("a damaged pickle (no dictionary)")
        target.update({self.key(key): self.finished(value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)})

    def push_filled(self, pairs: Sequence[Any]) -> None:
        """Pushes a dictionary of `pairs`."""
        self.push({})
        self.fill(pairs)

    def extend(self, values: Sequence[Any]) -> None:
        """Adds values to the list on the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("a damaged pickle (no list)")
        self.stack[-1].extend(map(self.finished, values))


def _long(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


OPCODES: dict[bytes, Callable[[Reader], object]] = {
    b"\x80": lambda r: r.take(1),  # the protocol
    b"\x95": lambda r: r.take(8),  # a frame: only a hint for reading ahead
    b"(": lambda r: r.push(MARK),
    b"0": lambda r: r.stack.pop(),
    b"N": lambda r: r.push(None),
    b"\x88": lambda r: r.push(True),
    b"\x89": lambda r: r.push(False),
    b"K": lambda r: r.push(r.number(1)),
    b"M": lambda r: r.push(r.number(2)),
    b"J": lambda r: r.push(r.number(4, signed=True)),
    b"\x8a": lambda r: r.push(_long(r.take(r.number(1)))),
    b"G": lambda r: r.push(struct.unpack(">d", r.take(8))[0]),
    b"I": lambda r: r.push(BOOLS[text] if (text := r.line()) in BOOLS else int(text)),
    b"U": lambda r: r.push(r.take(r.number(1))),
    b"T": lambda r: r.push(r.take(r.number(4, signed=True))),
    b"C": lambda r: r.push(r.take(r.number(1))),
    b"B": lambda r: r.push(r.take(r.number(4))),
    b"\x8e": lambda r: r.push(r.take(r.number(8))),
    b"X": lambda r: r.push(r.text(r.number(4))),
    b"\x8c": lambda r: r.push(r.text(r.number(1))),
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
    b"q": lambda r: r.memo.__setitem__(r.number(1), r.stack[-1]),
    b"r": lambda r: r.memo.__setitem__(r.number(4), r.stack[-1]),
    b"\x94": lambda r: r.memo.__setitem__(len(r.memo), r.stack[-1]),
    b"p": lambda r: r.memo.__setitem__(int(r.line()), r.stack[-1]),
    b"h": lambda r: r.push(r.memo[r.number(1)]),
    b"j": lambda r: r.push(r.memo[r.number(4)]),
    b"g": lambda r: r.push(r.memo[int(r.line())]),
    b"c": lambda r: r.name(r.line(), r.line()),
    b"\x93": lambda r: r.name(*r.popped(2)),
    b"Q": lambda r: r.push(r.persistent(r.stack.pop())),
    b"R": lambda r: r.reduce(),
    b"b": lambda r: r.build(),
}
