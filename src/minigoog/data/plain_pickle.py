"""Pickles that hold plain data, read by an interpreter of the few opcodes that this takes: nothing in the file is ever called.

Dictionaries, lists, tuples, strings, numbers, and NumPy arrays of numbers, which pickle describes as a call of one of three functions;
those are recognised by name and done here. Anything else is an error. (Python's pickletools.py documents the opcodes)"""

import codecs
import struct

import numpy as np

MARK = object()
DEEPEST = 100_000  # things on the stack, or in the memo
ARRAY, DTYPE, ENCODE = "array", "dtype", "encode"
NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1")
CALLABLE = {  # what a pickle may name, and what it stands for
    ("numpy.core.multiarray", "_reconstruct"): ARRAY, ("numpy._core.multiarray", "_reconstruct"): ARRAY,
    ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): DTYPE, ("_codecs", "encode"): ENCODE,
}  # fmt: skip


def load(data):
    """The value in the bytes of a pickle, Python 2's strings as bytes (but dictionary keys as text); ValueError for anything else."""
    try:
        return _Reader(data).run()
    except (IndexError, struct.error, OverflowError, UnicodeError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError(f"a damaged pickle ({type(error).__name__}: {error})") from None


class _Array:
    """An array that is being described."""

    def __init__(self):
        self.value = None


class _Dtype:
    """An element type that is being described; `name` such as u1, then its byte order."""

    def __init__(self, name):
        self.name, self.order = name, "="


class _Reader:
    def __init__(self, data):
        self.data, self.at, self.stack, self.memo = data, 0, [], {}

    def take(self, n):
        """The next n bytes."""
        if not 0 <= n <= len(self.data) - self.at:
            raise ValueError("a damaged pickle (it ends too early)")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form):
        """The next number, in struct's `form`."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def line(self):
        """Text up to the end of the line."""
        end = self.data.index(b"\n", self.at) if b"\n" in self.data[self.at :] else len(self.data)
        text = self.take(end - self.at)
        self.at += 1
        return text.decode()

    def since_mark(self):
        """What was pushed after the last mark, off the stack."""
        at = len(self.stack) - 1
        while self.stack[at] is not MARK:
            at -= 1
            if at < 0:
                raise ValueError("a damaged pickle (no mark)")
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def run(self):
        """Interprets opcodes until the one that stops."""
        while True:
            code = self.take(1)
            if code == b".":
                return _finished(self.stack.pop())
            action = OPCODES.get(code)
            if action is None:
                raise ValueError(f"a pickle of something else than plain data (opcode {code!r})")
            action(self)
            if len(self.stack) > DEEPEST or len(self.memo) > DEEPEST:
                raise ValueError("a damaged pickle (too deep)")

    def push(self, value):
        self.stack.append(value)

    def name(self, module, name):
        """A function that may be named; it is only a word here."""
        if (module, name) not in CALLABLE:
            raise ValueError(f"a pickle of something else than plain data (it names {module}.{name})")
        self.push(CALLABLE[module, name])

    def reduce(self):
        """What a call of a named function stands for."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function == ARRAY:
            self.push(_Array())
        elif function == DTYPE:
            self.push(_Dtype(_text(arguments[0])))
        elif function == ENCODE and isinstance(arguments[0], str) and arguments[1] == "latin1":
            self.push(codecs.encode(arguments[0], "latin1"))
        else:
            raise ValueError("a pickle of something else than plain data (a call)")

    def build(self):
        """The state of what a call made."""
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Dtype):
            made.order = _text(state[1])
        elif isinstance(made, _Array):
            _, shape, dtype, fortran, content = state
            made.value = _array(shape, dtype, fortran, content)
        else:
            raise ValueError("a pickle of something else than plain data (an object with a state)")

    def fill(self, pairs):
        """Adds to the dictionary on the stack."""
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("a damaged pickle (no dictionary)")
        target.update({_text(_finished(key)): _finished(value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)})

    def extend(self, values):
        """Adds to the list on the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("a damaged pickle (no list)")
        self.stack[-1].extend(map(_finished, values))


def _finished(value):
    """An array that was described as the array; anything that is no plain value is an error."""
    value = value.value if isinstance(value, _Array) else value
    if value is MARK or isinstance(value, _Dtype):
        raise ValueError("a damaged pickle")
    return value


def _array(shape, dtype, fortran, content):
    """The array with these bytes."""
    if not isinstance(dtype, _Dtype) or dtype.name not in NUMBERS or dtype.order not in ("<", ">", "|", "="):
        raise ValueError("a pickle of an array of something else than numbers")
    flat = np.frombuffer(content, np.dtype(dtype.name).newbyteorder(dtype.order))
    return flat.reshape(shape, order="F" if fortran else "C").copy()


BOOLS = {"00": False, "01": True}  # as protocol 0 writes them


def _text(value):
    """Bytes as text; anything else as it is."""
    return value.decode() if isinstance(value, bytes) else value


def _long(raw):
    return int.from_bytes(raw, "little", signed=True)


OPCODES = {
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
    b"d": lambda r: (values := r.since_mark(), r.push({}), r.fill(values)),
    b"t": lambda r: r.push(tuple(r.since_mark())),
    b"\x85": lambda r: r.push((r.stack.pop(),)),
    b"\x86": lambda r: r.push((r.stack.pop(), r.stack.pop())[::-1]),
    b"\x87": lambda r: r.push((r.stack.pop(), r.stack.pop(), r.stack.pop())[::-1]),
    b"a": lambda r: (value := r.stack.pop(), r.extend([value])),
    b"e": lambda r: r.extend(r.since_mark()),
    b"s": lambda r: (value := r.stack.pop(), key := r.stack.pop(), r.fill([key, value])),
    b"u": lambda r: r.fill(r.since_mark()),
    b"q": lambda r: r.memo.__setitem__(r.number("B"), r.stack[-1]),
    b"r": lambda r: r.memo.__setitem__(r.number("I"), r.stack[-1]),
    b"\x94": lambda r: r.memo.__setitem__(len(r.memo), r.stack[-1]),
    b"p": lambda r: r.memo.__setitem__(int(r.line()), r.stack[-1]),
    b"h": lambda r: r.push(r.memo[r.number("B")]),
    b"j": lambda r: r.push(r.memo[r.number("I")]),
    b"g": lambda r: r.push(r.memo[int(r.line())]),
    b"c": lambda r: (module := r.line(), r.name(module, r.line())),
    b"\x93": lambda r: (name := r.stack.pop(), r.name(r.stack.pop(), name)),
    b"R": lambda r: r.reduce(),
    b"b": lambda r: r.build(),
}
