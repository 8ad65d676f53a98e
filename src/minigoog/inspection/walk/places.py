"""Numbers that a command names: a row, a column and a channel, checked in the words of the walk."""

from collections.abc import Sequence

from ...array_types import Shape
from ...text import listed, shortened

MAP = ("row", "column", "channel")
AXES: dict[str, dict[int, tuple[str, ...]]] = {  # what the numbers of an index are called, by what it is an index of
    "weight": {4: ("filter row", "filter column", "input channel", "output channel"), 2: ("input", "output")},
    "bias": {1: ("channel",)},
}  # fmt: skip


def integers(words: Sequence[str], command: str) -> list[int]:
    """The words as integers; they may be separated by commas too."""
    words = " ".join(words).replace(",", " ").split()
    try:
        return [int(word) for word in words]
    except ValueError:
        raise ValueError(f"{command} takes numbers, got {shortened(' '.join(words), 80)!r}") from None


def place(words: Sequence[str], shape: Shape, command: str, of: str = "output") -> list[int]:
    """The place in an array of this shape; ValueError, in the words of the walk, for another number of numbers or one that is too large.

    shape: without the axis of images for a map. of: what has that shape."""
    index = integers(words, command)
    names = AXES.get(of, {}).get(len(shape)) or (MAP if len(shape) == len(MAP) else ("number",) * len(shape))
    if len(index) != len(shape):
        takes = ", ".join(names) or "no numbers"
        raise ValueError(f"{command} takes {takes}, got {len(index)} of them; for one: `{_example(shape, command, of)}`")
    for i, n, name in zip(index, shape, names, strict=True):
        if not 0 <= i < n:
            raise ValueError(f"{command}: the {name} is {i}, expected 0 to {n - 1}; there are {listed(_counts(shape, names))}")
    return index


def _counts(shape: Shape, names: Sequence[str]) -> list[str]:
    """28 rows, 28 columns, 192 channels"""
    return [f"{n} {name}{'' if n == 1 else 's'}" for n, name in zip(shape, names, strict=True)]


def _example(shape: Shape, command: str, of: str) -> str:
    """A command that would work: the middle of the map."""
    middle = " ".join(str(n // 2) for n in shape)
    return f"{command}{f' {of}' if of in AXES else ''} {middle}"
