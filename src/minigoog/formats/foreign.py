"""Dictionaries of weights from other systems: what they must hold before they are converted."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reading import reason
from ..text import listed, printable, shortened

AXES = {4: "[out, in, height, width] or [height, width, in, out]", 2: "[in, out] or [out, in]", 1: "one axis"}


def check_names(where: str, given: Any, expected: Iterable[str], ignored: str = "") -> None:
    """Raises ValueError that names missing and unknown keys of `given`; keys that end with `ignored`, if it is given, may be there."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{where}: the weights are {type(given).__name__}, expected a dictionary of NumPy arrays")
    expected, have = set(expected), {name if isinstance(name, str) else repr(name) for name in given}
    wrong = [f"missing `{name}`" for name in sorted(expected - have)]
    wrong += [f"unknown `{shortened(printable(name), 80)}`" for name in sorted(have - expected) if not (ignored and name.endswith(ignored))]
    if wrong:
        raise ValueError(f"{where}: {listed(wrong, 5, 100)}")


def numbers(where: str, name: str, array: Any, axes: int) -> NDArray[np.float64]:
    """The array as float64; ValueError, naming it, if it is not one of finite numbers with so many axes."""
    try:
        found = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{where}: `{name}` is not an array ({reason(error)})") from None
    if found.dtype.kind not in "fiu":
        raise ValueError(f"{where}: `{name}` is {found.dtype}, expected an array of numbers")
    if found.ndim != axes:
        raise ValueError(f"{where}: `{name}` has shape {found.shape}, expected {AXES[axes]}")
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: `{name}` has values that are not finite")
    return found.astype(np.float64)


def float32(where: str, name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """The array as float32; ValueError, naming it, for values that float32 cannot hold."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: `{name}` has values that float32 cannot hold")
    return found
