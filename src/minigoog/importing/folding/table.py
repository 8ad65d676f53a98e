"""The table of operations on constants, and what all of them need."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ...formats.graph import Node
from ..attributes import as_integers, integers

Constant: TypeAlias = NDArray[Any]
Inputs: TypeAlias = Sequence[Constant | None]
Fold: TypeAlias = Callable[[Node, Inputs, int], Constant | Sequence[Constant]]  # (node, inputs, opset)

MOST = 1 << 22  # values of an array that is computed here
FOLDS: dict[str, Fold] = {}


def fold(*operations: str) -> Callable[[Fold], Fold]:
    """Enters a function into the table of operations on constants."""

    def entered(function: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(operations, function))
        return function

    return entered


def given(inputs: Inputs, i: int) -> Constant:
    """Input `i`; ValueError if it is absent."""
    if i >= len(inputs) or inputs[i] is None:
        raise ValueError(f"input {i} is missing")
    return inputs[i]  # type: ignore[return-value]


def optional(inputs: Inputs, i: int) -> Constant | None:
    """Input `i`, or None."""
    return inputs[i] if i < len(inputs) else None


def axes_of(node: Node, inputs: Inputs, i: int) -> tuple[int, ...] | None:
    """Axes: input `i` in newer versions, an attribute in older ones."""
    axes = optional(inputs, i)
    return integers(node, "axes") if axes is None else as_integers(axes)


def limited(count: int) -> None:
    """ValueError if an array that is to be computed would have too many values."""
    if count > MOST:
        raise ValueError(f"it makes {count:,} values out of few, expected at most {MOST:,}")
