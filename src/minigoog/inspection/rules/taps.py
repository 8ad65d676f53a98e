"""What padding and resizing share: numbers that are weighted sums of a few, the taps, along height and width."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from .breakdown import Breakdown, add_up, copied


def from_taps(op: Any, index: Shape) -> Breakdown:
    """The number at `index` of the output, from the numbers of the input that are its taps."""
    n, i, j, c = index
    (_, rows), (_, columns) = op.taps(op.inputs[0].shape[1:3])
    x = op.inputs[0].data[n, :, :, c]
    if rows.weights is None:
        source = (n, int(rows.sources[i, 0]), int(columns.sources[j, 0]), c)
        return copied(f"x{list(source)}", x[source[1:3]])
    shares = np.outer(rows.weights[i], columns.weights[j])
    return add_up("sum(x * share)", {"x": x[np.ix_(rows.sources[i], columns.sources[j])], "share": shares})


def to_taps(op: Any, dy: Array, index: Shape) -> Breakdown:
    """The gradient of the number at `index` of the input, from those of the outputs of which it is a tap."""
    n, i, j, c = index
    (_, rows), (_, columns) = op.taps(op.inputs[0].shape[1:3])
    shares = np.outer(_shares(rows, i), _shares(columns, j))
    there = np.ix_(shares.any(axis=1), shares.any(axis=0))
    return add_up("sum(dy * share)", {"dy": dy[n, :, :, c][there], "share": shares[there]})


def _shares(taps: Any, at: int) -> Array:
    """How much of input `at` is in each output."""
    weights = np.ones(taps.sources.shape) if taps.weights is None else taps.weights
    shares: Array = np.where(taps.sources == at, weights, 0).sum(axis=1)
    return shares


def tap_settings(op: Any) -> dict[str, Any]:
    """The taps of rows and columns for the page: {"rows": {"index": [[...]], "weights": [[...]]}, "columns": ...}."""
    found = {}
    for name, (_, taps) in zip(("rows", "columns"), op.taps(op.inputs[0].shape[1:3]), strict=True):
        weights = np.ones(taps.sources.shape) if taps.weights is None else taps.weights
        found[name] = {"index": taps.sources.tolist(), "weights": weights.tolist()}
    return found
