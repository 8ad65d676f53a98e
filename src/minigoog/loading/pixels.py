"""How the photographs of a loaded network are prepared: as it was asked for, as its file says, or as such files usually want it."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

from ..checks import check_choice, pair
from ..data.families import FAMILIES, changed, family
from ..data.preprocess import Preprocess
from ..formats.graph import FreeShape
from ..text import printable, shape_text, short

Wanted: TypeAlias = Preprocess | str | Mapping[str, Any] | None  # what `load(preprocess=)` takes
Names: TypeAlias = Sequence[str] | str | os.PathLike[str] | None  # what `load(classes=)` takes
CHANGES = ("size", "mean", "std", "colours")


def chosen(path: Path, wanted: Wanted, said: Preprocess | None, usual: str, known: bool, size: FreeShape) -> Preprocess:
    """The Preprocess of a network whose input has this size (None: an axis of any length).

    said: by the file. usual: else, one of FAMILIES, which is assumed, and said on standard error, unless it is `known`."""
    if isinstance(wanted, Preprocess):
        return fitting(path, wanted, size)
    asked = _asked(wanted)
    name, sized = asked.pop("name", None), asked.pop("size", None)
    base = said if said and name is None else family(name or usual, _size(size, sized, name or usual))
    found = fitting(path, changed(base, sized, **asked), size)
    if name is None and said is None and not known:
        print(f"{printable(path)}: does not say how it wants photographs; assumed: {name or usual}, {about(found)} "
              f"(--preprocess NAME or preprocess= says otherwise)", file=sys.stderr)  # fmt: skip
    return found


def _asked(wanted: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """What is asked for, by name, of what can be; the size is a pair."""
    if not isinstance(wanted, (str, Mapping, NoneType)):
        raise TypeError(f"load: `preprocess` is {short(wanted)}, expected a Preprocess, the name of a family or a dict")
    given = {"name": wanted} if isinstance(wanted, str) else dict(wanted or {})
    if unknown := given.keys() - {"name", *CHANGES}:
        raise ValueError(f"load: `preprocess` has {short(min(unknown, key=str))}, expected name, {', '.join(CHANGES)}")
    asked = {name: value for name, value in given.items() if value is not None}
    if "name" in asked:
        check_choice("load: `preprocess`", "name", asked["name"], tuple(FAMILIES))
    if "size" in asked:
        asked["size"] = pair("load: `preprocess`", "size", asked["size"], 1)
    return asked


def about(preprocess: Preprocess) -> str:
    """A Preprocess in a few words: 224x224 of a shorter side of 256, RGB, minus 124 116 104, divided by 58.4 57.1 57.4"""
    height, width, channels = preprocess.input_size
    resize, colours = preprocess.resize, preprocess.colours if channels == 3 else "grey"
    if isinstance(resize, int):
        how = f" of a shorter side of {resize}"
    elif isinstance(resize, float):
        how = f", the middle {resize:.1%}"
    else:
        how = ", squeezed" + f" to {shape_text(resize)}" * (resize != (height, width))
    mean, std = (" ".join(f"{x:.3g}" for x in sorted(set(values), key=values.index)) for values in (preprocess.mean, preprocess.std))
    return f"{height}x{width}{how}, {colours} minus {mean} divided by {std}"


def _size(size: FreeShape, asked: tuple[int, int] | None, name: str) -> tuple[int, int, int]:
    """The size of the network's input: as in its file, where that leaves it open as asked, and else the family's."""
    usual = FAMILIES[name].size if name in FAMILIES else 224
    height, width = asked or (usual, usual)
    return size[0] or height, size[1] or width, size[2] or 3


def fitting(path: Path, preprocess: Preprocess, size: FreeShape) -> Preprocess:
    """The Preprocess; ValueError, naming the file, if its images do not fit the network."""
    if any(n is not None and n != given for n, given in zip(size, preprocess.input_size, strict=True)):
        takes = "x".join("?" if n is None else str(n) for n in size)
        raise ValueError(f"{printable(path)}: takes images {takes}, but they would be {shape_text(preprocess.input_size)}")
    return preprocess
