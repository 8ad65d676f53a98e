"""Numbers, names and tables as text."""

import os
import reprlib
import shlex
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from .array_types import IntArray, Shape


def shape_text(shape: Shape) -> str:
    """28x28x192"""
    return "x".join(map(str, shape))


def listed(names: Iterable[object], most: int = 8, longest: int = 60) -> str:
    """a, b, c: the first `most` of any number of names, each of at most `longest` characters, and how many more there are."""
    found = [shortened(printable(name), longest) for name in names]
    return ", ".join(found[:most]) + (f" and {len(found) - most:,} more" if len(found) > most else "")


def shortened(text: str, longest: int) -> str:
    """The text, without its middle if it has more than `longest` characters."""
    half = (longest - 5) // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[len(text) - half :]}"


class _Repr(reprlib.Repr):
    """repr() that looks at a few parts only: a value from a file may be nested deeply, or hold millions of others."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, 80, 100

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write more than 4,300 digits
        return super().repr_int(x, level) if x.bit_length() < 4096 else f"an integer of {x.bit_length():,} bits"

    repr_bytes = reprlib.Repr.repr_str


_repr = _Repr()


def short(value: object) -> str:
    """repr(value) for an error: on one line, printable, and without its middle if it is long."""
    return shortened(printable(_repr.repr(value)), 120)


def human_bytes(n: float) -> str:
    """1.5 MiB"""
    if n < 1024:
        return f"{n:.0f} B"
    for unit in ("KiB", "MiB"):
        n /= 1024
        if n < 1024:
            return f"{n:.1f} {unit}"
    return f"{n / 1024:.1f} GiB"


def duration(seconds: float) -> str:
    """45 s, 12:05 or 3:12:05"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Rows of strings in columns, the first row a heading; the columns whose numbers are in `right` are right-aligned."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if i in right else "<" for i in range(len(widths))]
    lines = ["  ".join(f"{cell:{s}{w}}" for cell, s, w in zip(row, sides, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def confusion_text(table: IntArray, classes: Sequence[str]) -> str:
    """The confusion matrix [classes, classes] with a row for each true class and a column for each predicted one; zeros as dots."""
    classes = [printable(name) for name in classes]
    width = max(len(str(table.max())), *map(len, classes))
    rows = ["true \\ predicted  " + " ".join(f"{name:>{width}}" for name in classes)]
    for name, counts in zip(classes, table, strict=True):
        rows.append(f"{name:>16}  " + " ".join(f"{count or '.':>{width}}" for count in counts))
    return "\n".join(rows)


def printable(name: object) -> str:
    """A path or another name for a terminal: characters that would act on it, or that cannot be encoded, become escapes such as \\n."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else repr(c)[1:-1] for c in text)


def file_name(name: str) -> str:
    """A name as a part of a file's or folder's name: characters that `printable` escapes become underscores."""
    return "".join(c if printable(c) == c else "_" for c in name)


def shell_word(name: object) -> str:
    """A path or another name as one word of a shell's command: quoted if it has to be, odd characters as escapes (bash, zsh)."""
    text = str(name)
    if printable(text) == text:
        return shlex.quote(text)
    escaped = "".join(c if c.isalnum() or c in "/._-" else "".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) for c in text)
    return f"$'{escaped}'"
