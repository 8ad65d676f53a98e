"""What convolutions, linear layers and normalisations share: a bias, and ReLU in the same pass."""

from typing import Any

import numpy as np

from ...array_types import Array
from .breakdown import Breakdown, add_up


def weighted_sum(factors: dict[str, Array], op: Any, c: int, corner: tuple[int, int] | None = None) -> Breakdown:
    """The sum of the factors' products, plus the bias of channel `c` if there is one, and ReLU if the operation has it."""
    bias = op.inputs[2].data[c] if len(op.inputs) == 3 else None
    formula = f"sum({' * '.join(factors)})" + (" + bias" if bias is not None else "")
    return add_up(f"max({formula}, 0)" if op.relu else formula, factors, bias, op.relu, corner)


def before_relu(op: Any, dy: Array) -> Array:
    """The gradient of the ReLU's input: dz."""
    return np.where(op.y <= 0, op.y.dtype.type(0), dy) if op.relu else dy


def bias_gradient(dz: Array, c: int) -> Breakdown:
    """The gradient of the bias of channel `c`."""
    return add_up("sum(dz)", {"dz": dz[..., c]})
