"""What activations share: a function of one number, and its slope."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from .breakdown import Breakdown, add_up
from .rule import Pointwise


class Curve(Pointwise):
    """y = f(x): `formula` is f as text, `value` computes it with the numbers on the way, `slope` is df/dx."""

    formula = ""

    def value(self, op: Any, x: float) -> tuple[float, dict[str, float]]:
        """(f(x), intermediate numbers by name)."""
        raise NotImplementedError

    def slope(self, op: Any, x: float) -> float:
        """df/dx."""
        raise NotImplementedError

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = float(op.inputs[0].data[index])
        value, parts = self.value(op, x)
        return Breakdown(self.formula, {"x": np.asarray(x)}, float(value), {name: float(part) for name, part in parts.items()})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        slope = self.slope(op, float(op.inputs[0].data[index]))
        return add_up("dy * slope at x", {"dy": dy[index], "slope at x": np.asarray(slope)})
