"""What files of annotations say, before it is checked."""

from typing import Any, NamedTuple

from ...checks import check_real
from ...text import short


class Thing(NamedTuple):
    """An object as a file states it: the name of its class, the corners left, top, right, bottom, and whether it is difficult.

    corners: in the file's own numbers, in which its faults are judged. inclusive: the last pixel is inside, and the first is 1 (VOC)."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool = False
    inclusive: bool = False


class Stated(NamedTuple):
    """A picture as a file states it: its name there, its (height, width) or None if the file does not say, and its objects."""

    name: str
    size: tuple[int, int] | None
    things: list[Thing]


LARGEST = 1e9  # a corner of a box, either way


def real(name: str, value: Any) -> float:
    """A number of a file as a float; ValueError, naming it, for anything else."""
    try:
        return check_real("box", name, value if isinstance(value, (int, float)) else float(value), -LARGEST, LARGEST)
    except (TypeError, ValueError):
        raise ValueError(f"its {name} is {short(value)}, expected a number") from None


def text(name: str, value: Any) -> str:
    """A name of a file, such as that of a class; ValueError for anything but text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"its {name} is {short(value)}, expected a name")
    return value.strip()
