"""Maps and vectors as small pictures of characters."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...array_types import Array

RAMP = " .:-=+*#%@"  # from the smallest value to the largest
WIDEST = 32  # pixels in a row, two characters each
MOST_BARS = 12


def picture(a: Array) -> str:
    """A map [h, w] as text: the darker the character, the larger the value. Wide maps show only some of their pixels."""
    step = -(-max(a.shape) // WIDEST)
    a = np.asarray(a, np.float64)[::step, ::step]
    low, high = np.min(a), np.max(a)
    if not np.isfinite(a).all():
        return f"(some values are not finite: {np.count_nonzero(~np.isfinite(a))} of {a.size})"
    levels = np.rint((a - low) / (high - low or 1.0) * (len(RAMP) - 1)).astype(int)
    lines = ["|" + "".join(2 * RAMP[level] for level in row) + "|" for row in levels]
    note = f"; one pixel in {step} along each axis" if step > 1 else ""
    return "\n".join([*lines, f"'{RAMP[0]}' is {low:.4g}, '{RAMP[-1]}' is {high:.4g}{note}"])


def bars(values: ArrayLike, names: Sequence[str] | None = None, by: Callable[[Array], Array] = np.asarray) -> str:
    """The largest values of a vector as text (or the largest `by` a function of them), each with its index or name and a bar."""
    values = np.asarray(values, np.float64)
    order = np.argsort(-by(values), kind="stable")[:MOST_BARS]
    labels = [names[i] if names else str(i) for i in order]
    longest, width = np.abs(values[order]).max(initial=0) or 1.0, max(map(len, labels), default=0)
    marks = ["#" * round(30 * abs(value) / longest) for value in values[order]]
    lines = [f"{label:>{width}} {values[i]:10.4g} {mark}" for label, i, mark in zip(labels, order, marks, strict=True)]
    return "\n".join([*lines, *([f"({len(values) - MOST_BARS:,} more)"] * (len(values) > MOST_BARS))])
