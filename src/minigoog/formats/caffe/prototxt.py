"""Protocol Buffers' text format, in which people write networks for Caffe. (https://protobuf.dev/reference/protobuf/textformat-spec)"""

import re
import struct
from collections.abc import Iterator
from typing import Any

from ...text import printable, shortened
from .schema import BY_NAME, ENUMERATIONS, MESSAGES, Field, Message, Values

LONGEST = 4 << 20  # characters; a hundred layers take about 50,000
LONGEST_TEXT = 4000
DEEPEST = 20  # messages within messages
TOKEN = re.compile(
    r"""(?P<nothing>(?:\s|\#[^\n]*)+)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?)(?!\w))
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<mark>[][{}<>:,;])
      | (?P<odd>.)""",
    re.X,
)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
CLOSING = {"{": "}", "<": ">"}
BOOLEANS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}


def read(text: str) -> Message:
    """The network that a text describes; ValueError, with the number of the line, where it is none."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters, expected at most {LONGEST}")
    reader = _Text(text)
    net: Message = {}
    try:
        reader.message("Net", net, "", 0)
    except ValueError as error:
        raise ValueError(f"line {text.count(chr(10), 0, reader.at) + 1}: {error}") from error
    return net


class _Text:
    """`kind`, `token`: the next token, and `at`, where it begins; at the end both are empty."""

    def __init__(self, text: str) -> None:
        self.tokens: Iterator[re.Match[str]] = TOKEN.finditer(text)
        self.length, self.values = len(text), Values()
        self.kind = self.token = ""
        self.at = 0
        self.next()

    def next(self) -> str:
        """Takes the token and goes on to the next one."""
        taken = self.token
        for match in self.tokens:
            if match.lastgroup != "nothing":
                self.kind, self.token, self.at = match.lastgroup or "", match[0], match.start()
                return taken
        self.kind, self.token, self.at = "", "", self.length
        return taken

    def found(self) -> str:
        return f"`{shortened(printable(self.token), 60)}`" if self.token else "the end"

    def message(self, kind: str, message: Message, closing: str, depth: int) -> None:
        """Reads fields into a message up to its closing bracket. kind: "" for a message that is skipped."""
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        while self.token != closing:
            if self.kind != "word":
                raise ValueError(f"{self.found()}, expected the name of a field{closing and ' or '}{closing}")
            name = self.next()
            self.field(BY_NAME[kind].get(name) if kind else None, message, depth)
            if self.kind == "mark" and self.token in ",;":
                self.next()
        self.next()

    def field(self, field: Field | None, message: Message, depth: int) -> None:
        """Reads what follows the name of a field: a value, several in brackets, or a message."""
        colon = self.kind == "mark" and self.token == ":" and self.next()
        if self.kind == "mark" and self.token == "[" and colon:
            self.next()
            while self.token != "]":
                self.value(field, message, depth)
                if self.token == ",":
                    self.next()
            self.next()
        elif colon or self.token in CLOSING:
            self.value(field, message, depth)
        else:
            raise ValueError(f"{self.found()}, expected `:` or `{{`")

    def value(self, field: Field | None, message: Message, depth: int) -> None:
        """Reads one value, and adds it unless the field is of no interest."""
        if self.kind == "mark" and self.token in CLOSING:
            inner = field is not None and field.kind in MESSAGES
            into = self.values.part(message, field) if field and inner else {}
            self.message(field.kind if field and inner else "", into, CLOSING[self.next()], depth + 1)
        elif self.kind in ("word", "number", "text"):
            kind, token = self.kind, self.next()
            while kind == "text" and self.kind == "text" and len(token) < LONGEST_TEXT:  # pieces of one text
                token = token[:-1] + self.next()[1:]
            if field is not None:
                self.values.add(message, field, _converted(field, kind, token))
        else:
            raise ValueError(f"{self.found()}, expected a value")


def _converted(field: Field, kind: str, token: str) -> Any:
    """A token as a value of the field."""
    try:
        if field.kind == "text" and kind == "text":
            return ESCAPE.sub(_unescaped, token[1:-1])
        if field.kind == "bool" and token in BOOLEANS:
            return BOOLEANS[token]
        if field.kind == "float" and kind == "number":
            return _single(float(token.rstrip("fF")))
        if field.kind in ENUMERATIONS and kind == "word":
            return ENUMERATIONS[field.kind][token]
        if (field.kind == "int" or field.kind in ENUMERATIONS) and kind == "number" and len(token) <= 20:
            return _integer(token)
    except (ValueError, KeyError, OverflowError):
        pass
    expected = f"one of {', '.join(ENUMERATIONS[field.kind])}" if field.kind in ENUMERATIONS else f"a value of kind {field.kind}"
    raise ValueError(f"`{field.name}` is {shortened(printable(token), 60)}, expected {expected}")


def _integer(token: str) -> int:
    """The integer, which binary files have in 64 bits with a sign; OverflowError if it needs more."""
    value = int(token, 8 if re.fullmatch("[-+]?0[0-7]+", token) else 0)
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError
    return value


def _single(number: float) -> float:
    """The number in single precision, as binary files have it."""
    found: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return found


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8) & 255) if code[0] in "01234567" else ESCAPES.get(code, code)
