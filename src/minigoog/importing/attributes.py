"""Attributes of nodes, checked: a file may give any kind and number."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.graph import Node
from ..text import short

LARGEST = 1 << 20  # of sizes, strides, paddings and the like


def integer(node: Node, name: str, default: int) -> int:
    """An attribute that is an integer."""
    value = node.attributes.get(name, default)
    if not isinstance(value, int):
        raise ValueError(f"`{name}` is {short(value)}, expected an integer")
    return value


def integers(node: Node, name: str) -> tuple[int, ...] | None:
    """An attribute that is a list of integers; None if it is absent."""
    value = node.attributes.get(name)
    if value is None:
        return None
    if not isinstance(value, tuple) or not all(isinstance(n, int) for n in value):
        raise ValueError(f"`{name}` is {short(value)}, expected integers")
    return value


def sizes(node: Node, name: str, default: tuple[int, ...], least: int) -> tuple[int, ...]:
    """An attribute with as many integers as `default`, each from `least` to a million."""
    value = integers(node, name)
    if value is None:
        return default
    if len(value) != len(default):
        raise ValueError(f"`{name}` is {short(value)}, expected {len(default)} integers: networks of images have two spatial axes")
    if not all(least <= n <= LARGEST for n in value):
        raise ValueError(f"`{name}` is {short(value)}, expected integers from {least} on")
    return value


def number(node: Node, name: str, default: float) -> float:
    """An attribute that is a finite number."""
    value = node.attributes.get(name, default)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"`{name}` is {short(value)}, expected a number")
    return float(value)


def text(node: Node, name: str, default: str) -> str:
    """An attribute that is a string."""
    value = node.attributes.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is {short(value)}, expected text")
    return value


def axis_of(axis: Any, rank: int) -> int:
    """An axis from -rank to rank - 1, counted from the first."""
    if not -rank <= int(axis) < rank:
        raise ValueError(f"axis {short(int(axis))} of a value with {rank} axes")
    return int(axis) % rank


def as_integers(array: NDArray[Any], most: int = 64) -> tuple[int, ...]:
    """The values of a constant of integers; at most a few, if they are sizes and axes."""
    if array.dtype.kind not in "iu" or array.size > most:
        raise ValueError(f"an array {array.dtype} of {array.size} values, expected a few integers")
    return tuple(int(n) for n in array.ravel())


def scalar(array: NDArray[Any]) -> Any:
    """The value of a constant of one value."""
    if array.size != 1:
        raise ValueError(f"an array of {array.size} values, expected one")
    return array.ravel()[0]


def float_of(array: NDArray[Any]) -> float:
    """The value of a constant of one number."""
    return float(np.float64(scalar(array)))
