"""The kinds of settings, as fields of a dataclass: each with its default, its help and its check."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from ..checks import check_choice, check_int, check_real
from ..text import short

LONGEST_LINE = 4500  # bytes of a line of a file of settings, such as one with a path: tomllib takes minutes for a long key of many parts
Check: TypeAlias = Callable[[str, Any], Any]  # (name, value) -> the value, or an error that names it


def integer(default: int | None, minimum: int, help: str, maximum: int = 2**31 - 1) -> Any:
    """A setting that is an integer; None if its default is None."""
    return _setting(default, help, int, lambda name, value: check_int("train", name, value, minimum, maximum))


def real(default: float | None, minimum: float, help: str, maximum: float = float("inf"), above: bool = False) -> Any:
    """A setting that is a number from `minimum`, or `above` it, to `maximum`."""

    def check(name: str, value: Any) -> float:
        number = check_real("train", name, value, minimum, maximum)
        if above and number == minimum:
            raise ValueError(f"train: `{name}` is {minimum}, expected a number above {minimum}")
        return float(number)

    return _setting(default, help, float, check)


def choice(default: str | None, choices: Iterable[str], help: str) -> Any:
    """A setting that is one of a few words."""
    words = tuple(choices)
    return _setting(default, help, str, lambda name, value: check_choice("train", name, value, words), choices=words)


def switch(default: bool, help: str) -> Any:
    """A setting that is on or off."""

    def check(name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError(f"train: `{name}` is {short(value)}, expected true or false")
        return value

    return _setting(default, help, bool, check)


def text(default: str | None, help: str) -> Any:
    """A setting that is a name or a path; a path object becomes text."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, (str, os.PathLike)):
            raise ValueError(f"train: `{name}` is {short(value)}, expected text")
        given = str(os.fspath(value))
        if not given:
            raise ValueError(f"train: `{name}` is {given!r}, expected a name")
        if "\0" in given or given != given.encode("utf-8", "ignore").decode("utf-8"):
            raise ValueError(f"train: `{name}` is {given!r}, expected text that is valid UTF-8: rename the file or folder")
        if len(toml_value(given).encode()) > LONGEST_LINE - 100:
            raise ValueError(f"train: `{name}` is too long to be stored in config.toml, expected at most {LONGEST_LINE - 100} bytes")
        return given

    return _setting(default, help, str, check)


def names(help: str) -> Any:
    """A setting that is a list of names; in a TOML file an array of texts, as a flag several words."""

    def check(name: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) and each.isprintable() and each for each in value):
            raise ValueError(f"train: `{name}` is {short(value)}, expected a list of names")
        if len(toml_value(value).encode()) > LONGEST_LINE - 100:
            raise ValueError(f"train: `{name}` is too long to be stored in config.toml, expected at most {LONGEST_LINE - 100} bytes")
        return tuple(value)

    return _setting((), help, tuple, check)


def _setting(default: Any, help: str, kind: type, check: Check, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, "kind": kind, "check": check, **more})


def toml_value(value: str | float | bool | Sequence[str]) -> str:
    """A value in TOML, which is that of JSON but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
